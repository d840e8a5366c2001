"""Reads splits in Spark's tasks, and reads again what quoting misled or what holds a repeated image ID."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt
from pyspark.sql import SparkSession

from oilake.jobs.ingesting.chunk_kernel import Context, Report, run
from oilake.jobs.runtime import spark_tasks
from oilake.jobs.runtime.filesystem import delete, join
from oilake.jobs.sources.splits import Split


def reports(spark: SparkSession, splits: Sequence[Split], context: Context, what: str) -> list[Report]:
    """The reports of every split, in the order of files and chunks. The first error of a task ends the run."""
    shares = _deal(splits, spark.sparkContext.defaultParallelism)
    return _in_order(spark_tasks.spread(spark, shares, partial(run, context=context), context.warehouse, what))


def reread_unsound(
    spark: SparkSession, splits: list[Split], context: Context, found: list[Report]
) -> tuple[list[Split], list[Report]]:
    """(splits, reports), with every plain file read whole whose quoting misled the planning of its ranges."""
    misled = {report.file for report in found if not report.is_sound}
    again = [split for split in splits if split.kind == "plain" and split.shares > 1 and split.file in misled]
    if not again:
        return splits, found
    stops = {split.file: max(other.stop for other in again if other.file == split.file) for split in again}
    whole = {s.file: replace(s, share=0, shares=1, start=0, line=1, stop=stops[s.file]) for s in again}
    _forget([report for report in found if report.file in whole], context)
    reread = reports(spark, list(whole.values()), context, "reading whole files again")
    others = [split for split in splits if split.file not in whole]
    return [*others, *whole.values()], _in_order([r for r in found if r.file not in whole] + reread)


def drop_duplicates(
    spark: SparkSession,
    splits: Sequence[Split],
    context: Context,
    found: list[Report],
    dropped: Mapping[tuple[str, int], npt.NDArray[np.int64]],
) -> list[Report]:
    """The reports, with the chunks in `dropped` read again and those rows quarantined."""
    if not dropped:
        return found
    files = {file for file, _ in dropped}
    _forget([report for report in found if (report.file, report.number) in dropped], context)
    again = [split for split in splits if split.file in files]
    reread = reports(spark, again, replace(context, dropped=dropped), "quarantining duplicate image IDs")
    kept = [report for report in found if (report.file, report.number) not in dropped]
    return _in_order(kept + reread)


def _in_order(found: list[Report]) -> list[Report]:
    return sorted(found, key=lambda report: (report.file, report.number))


def _forget(found: Sequence[Report], context: Context) -> None:
    staged = [file for report in found for file in (*report.staged, *report.beside())]
    delete([join(context.warehouse, file.table, file.path) for file in staged])


def _deal(splits: Sequence[Split], cores: int) -> list[list[Split]]:
    """The splits of each task, no more tasks than cores: a task costs a quarter of a second, and shares are even."""
    ordered = sorted(splits, key=lambda split: (split.file, split.share))
    files = {split.file: n for n, split in enumerate(ordered)}
    count = min(cores, len(ordered))
    return [[split for split in ordered if (files[split.file] + split.share) % count == n] for n in range(count)]
