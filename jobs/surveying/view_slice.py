"""The files of one published slice, chosen by Delta's statistics, without opening any of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from oilake.jobs.tables.delta_log import files_at
from oilake.jobs.tables.file_batches import is_between
from oilake.jobs.tables.parquet_reader import newest_version
from oilake.jobs.tables.published_slices import current_slice
from oilake.jobs.tables.snapshots import Snapshot, slice_name
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas


class ViewFile(NamedTuple):
    """One Parquet file: its URI, its partition's values, its rows, and the smallest and largest value of the first column
    that the table is sorted by; each None where the log does not say."""

    uri: str
    partition: Mapping[str, str]
    rows: int | None
    least: str | None
    most: str | None


@dataclass(frozen=True)
class ViewSlice:
    """What is published of one table of one release, or of its comparison with an earlier one."""

    table: str
    files: tuple[ViewFile, ...]

    @property
    def rows(self) -> int:
        """How many rows it has, by the log."""
        return sum(file.rows or 0 for file in self.files)

    def rows_by(self, column: str) -> dict[str, int]:
        """Rows by the value of a column that the table is partitioned by."""
        totals: dict[str, int] = {}
        for file in self.files:
            totals[file.partition[column]] = totals.get(file.partition[column], 0) + (file.rows or 0)
        return totals

    @property
    def sorted_by(self) -> str:
        """The first column that the table is sorted by; empty where it is in no order."""
        return _first_order(self.table)

    def keep_holding(self, column: str, values: Collection[str]) -> ViewSlice:
        """The same with only the files that may hold one of these values, of which there is one at least; with all where it
        is not sorted by the column."""
        if column != self.sorted_by:
            return self
        kept = (file for file in self.files if any(is_between(file.least, file.most, value) for value in values))
        return ViewSlice(self.table, tuple(kept))

    def keep_between(self, after: str, last: str | None) -> ViewSlice:
        """The same with only the files that may hold a value behind `after` and up to `last` of the column that it is
        sorted by; without an end where `last` is None."""
        kept = (
            file
            for file in self.files
            if (file.most is None or file.most > after) and (last is None or file.least is None or file.least <= last)
        )
        return ViewSlice(self.table, tuple(kept))

    def keep_partition(self, column: str, value: str) -> ViewSlice:
        """The same with only the files of one partition."""
        return ViewSlice(self.table, tuple(file for file in self.files if file.partition.get(column, value) == value))


def _first_order(table: str) -> str:
    return (schemas.table_schema(table).sort_by or ("",))[0]


def read_slice(warehouse: Warehouse, table: str, pin: Snapshot, since: str | None = None) -> ViewSlice | None:
    """The files of a table as a snapshot pins it; None where it is not published.

    A table that no snapshot pins, such as blob_checks, is read as it is now, whole where it has no partition of a release.
    LostRowsError where files are gone.
    """
    schema = schemas.table_schema(table)
    if schema.slice_by:
        if slice_name(table, since) not in pin.table_versions:
            return None
        published = current_slice(warehouse, table, pin, since)
        return _slice_at(warehouse, table, published.version, published.partition)
    version = newest_version(warehouse, table)
    part = {"release": pin.release} if "release" in schema.partition_by else {}
    return _slice_at(warehouse, table, version, part) if version else None


def _slice_at(warehouse: Warehouse, table: str, version: int, part: Mapping[str, str]) -> ViewSlice:
    first = _first_order(table)
    return ViewSlice(
        table,
        tuple(
            ViewFile(
                warehouse.table_uri(table, action["path"]),
                partition,
                action.get("num_records"),
                action.get(f"min.{first}"),
                action.get(f"max.{first}"),
            )
            for action, partition in files_at(warehouse, table, version, part)
        ),
    )
