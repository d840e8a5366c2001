"""Reads the files of tables once, a share a task, and counts how their rows keep the row-level promises."""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from oilake.jobs.runtime import spark_tasks
from oilake.jobs.runtime.error_text import error_line
from oilake.jobs.runtime.filesystem import open_filesystem
from oilake.jobs.runtime.spark_session import StartSession
from oilake.jobs.tables.targets import CheckTarget, TableFile
from oilake.jobs.validation import local_queries
from oilake.jobs.validation.foreign_keys import ForeignKeyProbe, Reference
from oilake.quality import metrics, row_expectations
from oilake.quality.metrics import Metrics, MetricsCollector
from oilake.quality.suites import Expectation

T = TypeVar("T")

BATCH = 1 << 17
# Image IDs overflow Parquet's dictionaries, and to make new ones costs five times their reading.
PLAIN = ("image_id",)


@dataclass(frozen=True)
class TargetExpectations:
    """What every file of a target is judged by; `schema`: of the columns to be read; `kinds`: types of the partition's."""

    expectations: Sequence[Expectation]
    key: Sequence[str]
    schema: pa.Schema
    references: Sequence[Reference]
    kinds: Mapping[str, pa.DataType]


@dataclass
class TargetMetrics:
    """One target: the tally of each file with its partition's values, and the files that cannot be read, with the cause.

    `shown`: the queries that find nothing, since every file's values stand in the table that they refer to.
    """

    tallies: list[tuple[dict[str, str | None], Metrics]] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    shown: set[str] = field(default_factory=set)

    def total(self) -> Metrics:
        """The counts of all files together."""
        whole = Metrics()
        for _, tally in self.tallies:
            whole.add(tally)
        return whole


def measure_targets(
    session: StartSession,
    targets: Sequence[CheckTarget],
    expectations: Sequence[Sequence[Expectation]],
    references: Sequence[Sequence[Reference]],
) -> list[TargetMetrics]:
    """What was found of each target, whose expectations and references stand at the same place of the others."""
    every = [_target_expectations(*entry) for entry in zip(targets, expectations, references, strict=True)]
    metrics_by_target = [TargetMetrics(shown={reference.query for reference in chosen}) for chosen in references]
    for n, file, entry, shown in run_on_files(session, targets, partial(_file_or_cause, expectations=every)):
        metrics_by_target[n].shown &= shown
        if isinstance(entry, Metrics):
            metrics_by_target[n].tallies.append((file.partition, entry))
        else:
            metrics_by_target[n].unreadable.append((file.uri, entry))
    return metrics_by_target


def run_on_files(
    session: StartSession, targets: Sequence[CheckTarget], work: Callable[[tuple[int, TableFile]], Iterator[T]]
) -> list[T]:
    """What `work` gives of each file, told with the place of its target: here where all are small, else as Spark's tasks."""
    items = [(n, file) for n, target in enumerate(targets) for file in target.files]
    where = targets[0].folder if targets else ""
    if local_queries.are_small(targets):
        shares = balance_by_bytes(items, os.cpu_count() or 1)  # as tasks do, so that the same rows are shown
        return spark_tasks.run_here([item for share in shares for item in share], work, where, "reading")
    shares = balance_by_bytes(items, session().sparkContext.defaultParallelism)
    return spark_tasks.run_tasks(session(), shares, work, where, "reading")


def _target_expectations(
    target: CheckTarget, chosen: Sequence[Expectation], references: Sequence[Reference]
) -> TargetExpectations:
    key = target.suite.key() if row_expectations.are_comparable(target.schema, target.suite.key()) else []
    named = dict.fromkeys(
        [*metrics.columns_to_read(target.suite, chosen), *(reference.column for reference in references)]
    )
    names = [name for name in named if name not in target.partition_by]
    kinds = {name: target.schema.field(name).type for name in target.partition_by}
    return TargetExpectations(chosen, key, pa.schema([target.schema.field(name) for name in names]), references, kinds)


def balance_by_bytes(items: Sequence[tuple[int, TableFile]], tasks: int) -> list[list[tuple[int, TableFile]]]:
    """The files of each task, no more tasks than given; the largest first, each to the task that has fewest bytes."""
    shares: list[list[tuple[int, TableFile]]] = [[] for _ in range(min(tasks, len(items)))]
    loads = [(0, n) for n in range(len(shares))]
    for item in sorted(items, key=lambda item: -item[1].size):
        size, n = heapq.heappop(loads)
        shares[n].append(item)
        heapq.heappush(loads, (size + item[1].size, n))
    return shares


def _file_or_cause(
    item: tuple[int, TableFile], expectations: Sequence[TargetExpectations]
) -> Iterator[tuple[int, TableFile, Metrics | str, set[str]]]:
    n, file = item
    try:
        yield n, file, *measure_file(file, expectations[n])
    except (OSError, pa.ArrowException) as error:
        yield n, file, error_line(error), set()


def measure_file(file: TableFile, asked: TargetExpectations) -> tuple[Metrics, set[str]]:
    """(the tally of one file, the queries of references that hold in it), in memory that its size does not change.

    ArrowException or OSError when it cannot be read.
    """
    auditor = MetricsCollector(asked.expectations, file.partition, asked.key, asked.kinds)
    followers = [ForeignKeyProbe(reference, file.partition) for reference in asked.references]
    for rows in read_batches(file, asked.schema):
        auditor.add(rows)
        for follower in followers:
            follower.add(rows[follower.reference.column])
    for follower in followers:
        follower.look_up()
    return auditor.tally, {follower.reference.query for follower in followers if follower.is_shown}


def read_batches(file: TableFile, schema: pa.Schema) -> Iterator[pa.Table]:
    """The rows of one file, some at a time, in the columns of `schema`; repeated texts are dictionaries.

    ArrowException or OSError when it cannot be read.
    """
    store, path = open_filesystem(file.uri)
    with store.open_input_file(path) as source:
        metadata = pq.read_metadata(source)
        there = [field_ for field_ in schema if field_.name in metadata.schema.to_arrow_schema().names]
        texts = [field_.name for field_ in there if pa.types.is_string(field_.type) and field_.name not in PLAIN]
        parquet = pq.ParquetFile(source, metadata=metadata, read_dictionary=texts, pre_buffer=True)
        if not there:
            yield _complete_columns(pa.table({}), schema, metadata.num_rows)
            return
        for batch in parquet.iter_batches(BATCH, columns=[field_.name for field_ in there], use_threads=False):
            yield _complete_columns(pa.Table.from_batches([batch]), schema, len(batch))


def _complete_columns(rows: pa.Table, schema: pa.Schema, count: int) -> pa.Table:
    """The rows in the types of the table; a column that the file lacks is NULL, as every Delta reader takes it."""
    columns = {}
    for field_ in schema:
        if field_.name not in rows.column_names:
            columns[field_.name] = pa.array([None] * count, field_.type)
            continue
        column = rows[field_.name]
        is_coded = pa.types.is_dictionary(column.type) and column.type.value_type == field_.type
        columns[field_.name] = column if is_coded or column.type == field_.type else column.cast(field_.type)
    return pa.table(columns)
