"""The files and rows of published slices, from the Delta log and, of small tables, read whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from oilake.jobs.tables.delta_log import files_at, open_version, rows_of_version
from oilake.jobs.tables.parquet_footers import footer_rows
from oilake.jobs.tables.published_slices import current_slice
from oilake.jobs.tables.snapshots import Snapshot
from oilake.jobs.tables.warehouse import Warehouse


@dataclass(frozen=True)
class PublishedFile:
    """One Parquet file of a published slice: where it is, its partition's values, its rows, and its size in bytes."""

    uri: str
    partition: dict[str, str]
    rows: int
    size: int


def published_files(warehouse: Warehouse, table: str, pin: Snapshot) -> list[PublishedFile]:
    """The files of the release's slice, from the Delta log alone."""
    file_actions = files_at(warehouse, table, current_slice(warehouse, table, pin).version, {"release": pin.release})
    return [
        PublishedFile(
            warehouse.table_uri(table, action["path"]),
            partition,
            file_rows(warehouse, table, action),
            action["size_bytes"],
        )
        for action, partition in file_actions
    ]


def file_rows(warehouse: Warehouse, table: str, action: Mapping[str, Any]) -> int:
    """The rows of a file: as the log tells, or its footer where whoever wrote it did not say."""
    logged_rows = action.get("num_records")
    return int(logged_rows) if logged_rows is not None else footer_rows(warehouse.table_uri(table, action["path"]))


def rows_by_partition(warehouse: Warehouse, table: str, pin: Snapshot) -> list[tuple[dict[str, str], int]]:
    """(partition, rows) of every file of the release's slice."""
    return [(file.partition, file.rows) for file in published_files(warehouse, table, pin)]


def files_by_subset(warehouse: Warehouse, table: str, pin: Snapshot) -> dict[str, list[PublishedFile]]:
    """The files of the release's slice by subset, in the order of their names."""
    files: dict[str, list[PublishedFile]] = {}
    for file in published_files(warehouse, table, pin):
        files.setdefault(file.partition["subset"], []).append(file)
    return dict(sorted(files.items()))


def rows_by_subset(warehouse: Warehouse, table: str, pin: Snapshot) -> dict[str, int]:
    """The rows of the release's slice by subset, in the order of their names."""
    return {
        subset: sum(file.rows for file in files) for subset, files in files_by_subset(warehouse, table, pin).items()
    }


def small_rows(
    warehouse: Warehouse, table: str, pin: Snapshot, columns: list[str] | None = None
) -> list[dict[str, Any]]:
    """The rows of the release's slice of a small table, some columns of it or all."""
    return rows_of_version(
        warehouse,
        table,
        open_version(warehouse, table, current_slice(warehouse, table, pin).version),
        columns,
        pin.release,
    )
