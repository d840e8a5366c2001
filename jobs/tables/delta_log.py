"""Opens tables in a warehouse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from oilake.conf.errors import StoreError
from oilake.conf.places import refuse_odd_warehouse
from oilake.jobs.runtime.error_text import error_line
from oilake.jobs.tables.file_batches import read_file_batches
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas


def open_table(warehouse: Warehouse, table: str) -> DeltaTable | None:
    """The newest state of a table, or None where there is none yet."""
    refuse_odd_warehouse(warehouse.table_uri(table))
    warehouse.require_reachable()
    try:
        return DeltaTable(warehouse.table_uri(table), storage_options=warehouse.storage_options())
    except TableNotFoundError:
        return None
    except (DeltaError, OSError) as error:
        raise StoreError(
            f"{warehouse.table_uri(table)}: cannot be read ({error_line(error)}); check the path and its rights"
        ) from None


def open_version(warehouse: Warehouse, table: str, version: int) -> DeltaTable:
    """The state of a table at one version; StoreError when its log cannot give it."""
    try:
        return DeltaTable(warehouse.table_uri(table), version, warehouse.storage_options())
    except (DeltaError, OSError) as error:
        raise StoreError(
            f"{warehouse.table_uri(table)}: version {version} cannot be read ({error_line(error)}); restore the table's "
            "folder"
        ) from None


def files_at(
    warehouse: Warehouse, table: str, version: int, part: Mapping[str, str]
) -> list[tuple[dict[str, Any], dict[str, str]]]:
    """(Delta's add action, its partition's values) of every file of a table's part at one version, from the log alone."""
    file_actions = add_actions(open_version(warehouse, table, version))
    return [(action, partition) for action, partition in file_actions if part.items() <= partition.items()]


def add_actions(opened: DeltaTable) -> list[tuple[dict[str, Any], dict[str, str]]]:
    """(Delta's add action, its partition's values) of every file of one state of a table, from the log alone."""
    file_actions = []
    for action in pa.RecordBatchReader.from_stream(opened.get_add_actions(flatten=True)).read_all().to_pylist():
        partition = {key.removeprefix("partition."): v for key, v in action.items() if key.startswith("partition.")}
        file_actions.append((action, partition))
    return file_actions


def unreadable_rows_error(path: str, table: str, error: Exception) -> StoreError:
    """What is said of rows that cannot be read: the file or folder, why, and which job makes them again."""
    schema = schemas.table_schema(table)
    job, is_record = schema.written_by, schema.written_by == "publish" or schema.grows_by_run()
    remedy = "restore it from a copy" if is_record else f"check the disk, or run `oilake {job}` again with --force"
    return StoreError(f"{path}: cannot be read ({error_line(error)}); {remedy}")


def existing_table(warehouse: Warehouse, name: str) -> DeltaTable:
    table = open_table(warehouse, name)
    if table is None:
        raise StoreError(
            f"{warehouse.table_uri(name)}: the table is gone; restore it, or ingest into an empty warehouse"
        )
    return table


def newest_rows(warehouse: Warehouse, table: str, columns: list[str] | None = None) -> list[dict[str, Any]]:
    """The newest rows of a small table; none where it is not there yet."""
    opened = open_table(warehouse, table)
    return rows_of_version(warehouse, table, opened, columns) if opened is not None and opened.version() else []


def rows_of_version(
    warehouse: Warehouse, table: str, opened: DeltaTable, columns: list[str] | None = None, release: str | None = None
) -> list[dict[str, Any]]:
    """The rows of one state of a small table, of one release where it is given.

    Read through Arrow's own file system: deltalake's calls Python from Arrow's threads, which at times outlive the
    interpreter and abort the process as it ends.
    """
    whole = pa.schema(opened.schema().to_arrow())
    schema = whole if columns is None else pa.schema([whole.field(name) for name in columns])
    row_records: list[dict[str, Any]] = []
    try:
        for action, partition in add_actions(opened):
            if release is None or partition["release"] == release:
                uri = warehouse.table_uri(table, action["path"])
                for batch in read_file_batches(uri, schema, partition):
                    row_records += batch.to_pylist()
    except (DeltaError, OSError, pa.ArrowException) as error:
        raise unreadable_rows_error(warehouse.table_uri(table), table, error) from None
    return row_records
