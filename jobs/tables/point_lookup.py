"""Looks published rows up by one value, without Spark; by what a table is sorted by, one file a partition is opened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from oilake.jobs.tables.row_batches import candidate_files, read_batches
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
    stored = schemas.arrow_schema(schemas.table_schema(table))
    schema = pa.schema([stored.field(name) for name in dict.fromkeys((*columns, column))])
    values = {column: value}
    for file in candidate_files(warehouse, table, release, values):
        batches = list(read_batches(warehouse, table, [file], schema, values))
        rows = pa.Table.from_batches(batches, schema)
        yield file.partition, rows.filter(pc.equal(rows[column], value)).select(list(columns))
