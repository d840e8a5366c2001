"""Looks at every file of some slices once, a share a task: what the values of their columns are like."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import pyarrow as pa
from pyspark.sql import SparkSession

from oilake.conf.errors import InputError
from oilake.jobs.runtime import spark_tasks
from oilake.jobs.runtime.error_text import told
from oilake.jobs.tables.targets import File, Target
from oilake.jobs.validation import file_metrics
from oilake.jobs.validation.file_metrics import deal
from oilake.quality.metrics import Auditor, Tally
from oilake.quality.profiler import Seen, Surveyor
from oilake.quality.suite_proposal import Slice

Tallies = list[tuple[dict[str, str | None], Tally]]


def survey(
    spark: SparkSession, wanted: Sequence[Target], key: Sequence[str], most: int
) -> tuple[list[Slice], list[Tallies]]:
    """(what was seen of each slice, the tallies of its files), the rows of each file followed in the order of `key`."""
    items = [(n, file) for n, target in enumerate(wanted) for file in target.files]
    work = partial(_look, schema=looked_at(wanted[0]), key=key, most=most)
    shares = deal(items, spark.sparkContext.defaultParallelism)
    seen: list[dict[str, Seen]] = [{} for _ in wanted]
    tallies: list[Tallies] = [[] for _ in wanted]
    for n, file, found, tally in spark_tasks.spread(spark, shares, work, wanted[0].folder, "reading"):
        for column, one in found.items():
            seen[n].setdefault(column, Seen()).add(one, most)
        tallies[n].append((file.partition, tally))
    rows = [sum(tally.rows for _, tally in found) for found in tallies]
    return [Slice(_called(t), r, s) for t, r, s in zip(wanted, rows, seen, strict=True)], tallies


def _look(
    item: tuple[int, File], schema: pa.Schema, key: Sequence[str], most: int
) -> Iterator[tuple[int, File, dict[str, Seen], Tally]]:
    n, file = item
    surveyor, auditor = Surveyor(schema.names, file.partition, most), Auditor([], file.partition, key)
    stored = pa.schema([column for column in schema if column.name not in file.partition])
    try:
        for rows in file_metrics.batches(file, stored):
            surveyor.add(rows)
            auditor.add(rows)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{file.uri}: cannot be read ({told(error)}); `oilake check` lists all such files") from None
    yield n, file, surveyor.seen, auditor.tally


def looked_at(target: Target) -> pa.Schema:
    """All columns but bytes, of which a batch could fill the memory."""
    return pa.schema([column for column in target.schema if not is_bytes(column.type)])


def is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _called(target: Target) -> str:
    """The slice in the words of a description."""
    if target.release is None:
        return f"version {target.version}"
    return f"{target.release} since {target.since}" if target.since else target.release
