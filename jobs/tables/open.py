"""Opens tables in a warehouse."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from conf.errors import StoreError
from jobs.files import join


def uri(warehouse: str, table: str) -> str:
    """Where a table's folder is."""
    return join(warehouse, table)


def open_table(warehouse: str, table: str) -> DeltaTable | None:
    """The newest state of a table, or None where there is none yet."""
    try:
        return DeltaTable(uri(warehouse, table))
    except TableNotFoundError:
        return None
    except (DeltaError, OSError) as error:
        raise StoreError(f"{uri(warehouse, table)}: cannot be read ({error}); check the path and its rights") from None


def existing(warehouse: str, name: str) -> DeltaTable:
    table = open_table(warehouse, name)
    if table is None:
        raise StoreError(f"{uri(warehouse, name)}: the table is gone; restore it, or ingest into an empty warehouse")
    return table


def rows(warehouse: str, table: str) -> list[dict[str, Any]]:
    opened = open_table(warehouse, table)
    if opened is None or opened.version() == 0:
        return []
    rows: list[dict[str, Any]] = pa.table(opened.to_pyarrow_table()).to_pylist()
    return rows
