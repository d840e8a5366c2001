"""Reads splits in Spark's tasks, and reads again what quoting misled or what holds a repeated image ID."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

import numpy as np
import numpy.typing as npt
from pyspark.sql import SparkSession

from oilake.jobs.ingesting.chunk_kernel import ChunkReport, IngestContext, ingest_split
from oilake.jobs.runtime import spark_tasks
from oilake.jobs.runtime.filesystem import delete_files
from oilake.jobs.sources.splits import Split


class Kernel(Protocol):
    """What reads one split in a task."""

    def __call__(self, split: Split, context: IngestContext) -> Iterator[ChunkReport]:
        """Give a report for each chunk of the split."""


def collect_reports(
    spark: SparkSession, splits: Sequence[Split], context: IngestContext, what: str, kernel: Kernel = ingest_split
) -> list[ChunkReport]:
    """The reports of every split, in the order of files and chunks. The first error of a task ends the run."""
    cores = spark.sparkContext.defaultParallelism
    shares = _balance_splits(needed_readers(splits, cores), cores)
    return _sort_reports(
        spark_tasks.run_tasks(spark, shares, partial(kernel, context=context), context.warehouse.uri, what)
    )


def reread_unsound(
    spark: SparkSession,
    splits: list[Split],
    context: IngestContext,
    found: list[ChunkReport],
    kernel: Kernel = ingest_split,
) -> tuple[list[Split], list[ChunkReport]]:
    """(splits, reports), with every plain file read whole whose quoting misled the planning of its ranges."""
    misled = {report.file for report in found if not report.is_sound}
    again = [split for split in splits if split.kind == "plain" and split.shares > 1 and split.file in misled]
    if not again:
        return splits, found
    stops = {split.file: max(candidate.stop for candidate in again if candidate.file == split.file) for split in again}
    whole = {s.file: replace(s, share=0, shares=1, start=0, line=1, stop=stops[s.file]) for s in again}
    _delete_staged([report for report in found if report.file in whole], context)
    reread = collect_reports(spark, list(whole.values()), context, "reading whole files again", kernel)
    other_splits = [split for split in splits if split.file not in whole]
    return [*other_splits, *whole.values()], _sort_reports([r for r in found if r.file not in whole] + reread)


def drop_duplicates(
    spark: SparkSession,
    splits: Sequence[Split],
    context: IngestContext,
    found: list[ChunkReport],
    dropped: Mapping[tuple[str, int], npt.NDArray[np.int64]],
) -> list[ChunkReport]:
    """The reports, with the chunks in `dropped` read again and those rows quarantined."""
    if not dropped:
        return found
    files = {file for file, _ in dropped}
    _delete_staged([report for report in found if (report.file, report.number) in dropped], context)
    again = [split for split in splits if split.file in files]
    reread = collect_reports(spark, again, replace(context, dropped=dropped), "quarantining duplicate image IDs")
    kept = [report for report in found if (report.file, report.number) not in dropped]
    return _sort_reports(kept + reread)


def _sort_reports(unordered: list[ChunkReport]) -> list[ChunkReport]:
    return sorted(unordered, key=lambda report: (report.file, report.number))


def _delete_staged(outdated: Sequence[ChunkReport], context: IngestContext) -> None:
    staged = [file for report in outdated for file in (*report.staged, *report.beside())]
    delete_files([context.warehouse.table_uri(file.table, file.path) for file in staged])


def needed_readers(splits: Sequence[Split], cores: int) -> list[Split]:
    """The splits, an archive's shares dealt to no more readers than there are cores: each inflates all of it."""
    return [
        replace(split, shares=min(split.shares, cores)) if split.kind == "tar.gz" else split
        for split in splits
        if split.kind == "plain" or split.share < cores
    ]


def _balance_splits(splits: Sequence[Split], cores: int) -> list[list[Split]]:
    """The splits of each task, no more tasks than cores: a task costs a quarter of a second, and shares are even."""
    ordered = sorted(splits, key=lambda split: (split.file, split.share))
    files = {split.file: n for n, split in enumerate(ordered)}
    count = min(cores, len(ordered))
    return [[split for split in ordered if (files[split.file] + split.share) % count == n] for n in range(count)]
