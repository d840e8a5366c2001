"""Looks published rows up by one value, without Spark; by what a table is sorted by, one file a partition is opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from oilake.jobs.tables.delta_log import files_at
from oilake.jobs.tables.parquet_reader import read_file
from oilake.jobs.tables.published_slices import PublishedSlice, published_slices
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas


def matching_rows(warehouse: Warehouse, table: str, release: str, column: str, value: str) -> list[dict[str, Any]]:
    """The release's published rows whose `column` is `value`, whole. ConfigError when the table is not published."""
    names = [stored_column.name for stored_column in schemas.table_schema(table).stored()]
    file_parts = matching_parts(warehouse, table, release, column, value, names)
    return [{**partition, **row} for partition, part in file_parts for row in part.to_pylist()]


def matching_parts(
    warehouse: Warehouse,
    table: str,
    release: str,
    column: str,
    value: str,
    columns: Sequence[str],
) -> Iterator[tuple[dict[str, str], pa.Table]]:
    """(partition, some columns of the rows whose `column` is `value`) of every file that may hold one.

    ConfigError when the table of the release is not published, StoreError when a file cannot be read.
    """
    for published_slice in published_slices(warehouse, table, release):
        for path, partition in _candidate_files(warehouse, table, published_slice, column, value):
            yield (
                partition,
                read_file(warehouse.table_uri(table, path), table, columns, [(column, "=", value)]),
            )


def _candidate_files(
    warehouse: Warehouse, table: str, published_slice: PublishedSlice, column: str, value: str
) -> list[tuple[str, dict[str, str]]]:
    """(path, partition) of the slice's files whose statistics leave room for the value."""
    slice_actions = files_at(warehouse, table, published_slice.version, published_slice.partition)
    return [(action["path"], partition) for action, partition in slice_actions if _may_hold(action, column, value)]


def _may_hold(action: Mapping[str, Any], column: str, value: str) -> bool:
    low, high = action.get(f"min.{column}"), action.get(f"max.{column}")
    return (low is None or low <= value) and (high is None or value <= high)
