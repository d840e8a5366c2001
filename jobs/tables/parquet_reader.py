"""Columns of published or newest rows as Arrow tables, file by file, without Spark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from oilake.jobs.runtime.filesystem import open_filesystem
from oilake.jobs.tables.delta_log import files_at, open_table
from oilake.jobs.tables.repair_commands import unreadable_rows_error
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas

Filters = Sequence[tuple[str, str, object]]


def columns_of(
    warehouse: Warehouse,
    table: str,
    version: int,
    part: Mapping[str, str],
    columns: Sequence[str],
    filters: Filters | None = None,
) -> Iterator[tuple[dict[str, str], pa.Table]]:
    """(partition's values, some columns that are no partition's) of every file of a table's part at one version."""
    for action, partition in files_at(warehouse, table, version, part):
        yield partition, read_file(warehouse.table_uri(table, action["path"]), table, columns, filters)


def read_file(path: str, table: str, columns: Sequence[str], filters: Filters | None = None) -> pa.Table:
    """Some columns of one Parquet file of a table; StoreError when it cannot be read.

    `filters`: (column, =, value) or (column, in, values), all of which the rows must meet.
    """
    store, inside = open_filesystem(path)
    schema = schemas.arrow_schema(schemas.table_schema(table))
    try:
        return pq.read_table(
            inside, columns=list(columns), filesystem=store, schema=schema, partitioning=None, filters=filters
        )
    except (OSError, pa.ArrowException) as error:
        raise unreadable_rows_error(path, error) from None


def rows_at(path: str, table: str, columns: Sequence[str], places: npt.NDArray[np.uint32]) -> pa.Table:
    """Some columns of the rows at these places of one Parquet file, which ascend; reads the row groups that hold them.

    StoreError when it cannot be read.
    """
    import pyarrow.dataset as ds  # with pandas, which most readers of a file do without

    store, inside = open_filesystem(path)
    schema = schemas.arrow_schema(schemas.table_schema(table))
    group_tables, start = [pa.table({name: pa.array([], schema.field(name).type) for name in columns})], 0
    try:
        for group in ds.ParquetFileFormat().make_fragment(inside, store).split_by_row_group():
            stop = start + group.row_groups[0].num_rows
            group_places = places[np.searchsorted(places, start) : np.searchsorted(places, stop)]
            if len(group_places):
                read = group.to_table(schema=schema, columns=list(columns))
                group_tables.append(read.take(pa.array(group_places - np.uint32(start))).cast(group_tables[0].schema))
            start = stop
    except (OSError, pa.ArrowException) as error:
        raise unreadable_rows_error(path, error) from None
    return pa.concat_tables(group_tables)


def newest_version(warehouse: Warehouse, table: str) -> int | None:
    """The newest version of a table; None where there is none yet."""
    opened = open_table(warehouse, table)
    return opened.version() if opened is not None else None


def distinct_values(uri: str, column: str) -> list[str]:
    """The distinct values of one column of a Parquet file; StoreError when it cannot be read."""
    store, path = open_filesystem(uri)
    try:
        values = pq.read_table(path, columns=[column], filesystem=store, read_dictionary=[column])[column]
    except (OSError, pa.ArrowException) as error:
        raise unreadable_rows_error(uri, error) from None
    unique_values: list[str] = pc.unique(values).to_pylist()
    return unique_values
