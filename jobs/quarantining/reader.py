"""Reads the quarantine of published releases: rows that a filter chooses, and counts; a batch at a time, without Spark."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from oilake.jobs.runtime.filesystem import open_filesystem
from oilake.jobs.tables.repair_commands import unreadable_rows_error
from oilake.jobs.tables.slice_files import published_files
from oilake.jobs.tables.snapshots import require_snapshots
from oilake.jobs.tables.warehouse import Warehouse

BATCH = 4096
LOCATION_COLUMNS = ("release", "table_name", "file", "member", "line", "reasons")

Row = dict[str, Any]


@dataclass(frozen=True)
class QuarantineFilter:
    """Which rows are wanted; None: any. A row is wanted by `reason` when it is one of its reasons."""

    release: str | None = None
    table: str | None = None
    file: str | None = None
    member: str | None = None
    line: int | None = None
    reason: str | None = None


def read_rows(
    warehouse: Warehouse, quarantine_filter: QuarantineFilter, limit: int, is_whole: bool = False
) -> tuple[list[Row], int]:
    """(the first `limit` wanted rows by release, file, member and line; how many are wanted); with their bytes when whole.

    ConfigError when nothing, or not the release, is published.
    """
    counted = Counter[str]()

    def counted_rows() -> Iterator[Row]:
        for row in _matching_rows(
            warehouse, quarantine_filter, [*LOCATION_COLUMNS[1:], *(["raw"] if is_whole else [])]
        ):
            counted["rows"] += 1
            yield row

    first = heapq.nsmallest(
        limit, counted_rows(), key=lambda row: (row["release"], row["file"], row["member"], row["line"])
    )
    return first, counted["rows"]


def count_reasons(warehouse: Warehouse, quarantine_filter: QuarantineFilter) -> list[Row]:
    """Rows by release, table, file, member and reason, sorted; a row with several reasons counts once for each."""
    reason_counts = Counter(
        (row["release"], row["table_name"], row["file"], row["member"], reason)
        for row in _matching_rows(warehouse, quarantine_filter, list(LOCATION_COLUMNS[1:]))
        for reason in row["reasons"]
        if quarantine_filter.reason in (None, reason)
    )
    names = ("release", "table_name", "file", "member", "reason")
    return [dict(zip(names, key, strict=True)) | {"rows": count} for key, count in sorted(reason_counts.items())]


def _matching_rows(warehouse: Warehouse, criteria: QuarantineFilter, columns: list[str]) -> Iterator[Row]:
    for pin in require_snapshots(warehouse, criteria.release):
        for file in published_files(warehouse, "quarantine", pin):
            for batch in _read_batches(file.uri, columns):
                yield from ({"release": pin.release, **row} for row in _filter_batch(batch, criteria).to_pylist())


def _read_batches(uri: str, columns: list[str]) -> Iterator[pa.RecordBatch]:
    store, path = open_filesystem(uri)
    try:
        yield from pq.ParquetFile(path, filesystem=store).iter_batches(BATCH, columns=columns, use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise unreadable_rows_error(uri, error) from None


def _filter_batch(batch: pa.RecordBatch, criteria: QuarantineFilter) -> pa.RecordBatch:
    equal = {"table_name": criteria.table, "file": criteria.file, "member": criteria.member, "line": criteria.line}
    for column, value in equal.items():
        if value is not None:
            batch = batch.filter(_equal_mask(batch[column], value))
    if criteria.reason is None:
        return batch
    return batch.filter(pa.array([criteria.reason in reasons for reasons in batch["reasons"].to_pylist()], pa.bool_()))


def _equal_mask(column: pa.Array, value: str | int) -> pa.Array:
    import pyarrow.compute as pc  # which takes longer than to count all

    return pc.equal(column, value)
