"""Reads the quarantine of published releases: rows that a filter chooses, and counts; a batch at a time, without Spark."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from oilake.jobs.runtime.error_text import unreadable
from oilake.jobs.runtime.filesystem import filesystem
from oilake.jobs.tables.snapshots import files, pins

BATCH = 4096
PLACE = ("release", "table_name", "file", "member", "line", "reasons")

Row = dict[str, Any]


@dataclass(frozen=True)
class Filter:
    """Which rows are wanted; None: any. A row is wanted by `reason` when it is one of its reasons."""

    release: str | None = None
    table: str | None = None
    file: str | None = None
    member: str | None = None
    line: int | None = None
    reason: str | None = None


def rows(warehouse: str, wanted: Filter, limit: int, is_whole: bool = False) -> tuple[list[Row], int]:
    """(the first `limit` wanted rows by release, file, member and line; how many are wanted); with their bytes when whole.

    ConfigError when nothing, or not the release, is published.
    """
    seen = Counter[str]()

    def found() -> Iterator[Row]:
        for row in _rows(warehouse, wanted, [*PLACE[1:], *(["raw"] if is_whole else [])]):
            seen["rows"] += 1
            yield row

    first = heapq.nsmallest(limit, found(), key=lambda row: (row["release"], row["file"], row["member"], row["line"]))
    return first, seen["rows"]


def counts(warehouse: str, wanted: Filter) -> list[Row]:
    """Rows by release, table, file, member and reason, sorted; a row with several reasons counts once for each."""
    found = Counter(
        (row["release"], row["table_name"], row["file"], row["member"], reason)
        for row in _rows(warehouse, wanted, list(PLACE[1:]))
        for reason in row["reasons"]
        if wanted.reason in (None, reason)
    )
    names = ("release", "table_name", "file", "member", "reason")
    return [dict(zip(names, key, strict=True)) | {"rows": count} for key, count in sorted(found.items())]


def _rows(warehouse: str, wanted: Filter, columns: list[str]) -> Iterator[Row]:
    for pin in pins(warehouse, wanted.release):
        for file in files(warehouse, "quarantine", pin):
            for batch in _batches(file.uri, columns):
                yield from ({"release": pin.release, **row} for row in _wanted(batch, wanted).to_pylist())


def _batches(uri: str, columns: list[str]) -> Iterator[pa.RecordBatch]:
    store, path = filesystem(uri)
    try:
        yield from pq.ParquetFile(path, filesystem=store).iter_batches(BATCH, columns=columns, use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise unreadable(uri, error) from None


def _wanted(batch: pa.RecordBatch, wanted: Filter) -> pa.RecordBatch:
    equal = {"table_name": wanted.table, "file": wanted.file, "member": wanted.member, "line": wanted.line}
    for column, value in equal.items():
        if value is not None:
            batch = batch.filter(pc.equal(batch[column], value))
    if wanted.reason is None:
        return batch
    return batch.filter(pa.array([wanted.reason in reasons for reasons in batch["reasons"].to_pylist()], pa.bool_()))
