"""Columns of published or newest rows as Arrow tables, file by file, without Spark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from conf.errors import StoreError
from jobs.files import filesystem, join
from jobs.tables.open import files_at, open_table, uri
from jobs.tables.trouble import told
from schemas import loader as schemas


def columns_of(
    warehouse: str, table: str, version: int, part: Mapping[str, str], columns: Sequence[str]
) -> Iterator[tuple[dict[str, str], pa.Table]]:
    """(partition's values, some columns that are no partition's) of every file of a table's part at one version."""
    for action, partition in files_at(warehouse, table, version, part):
        yield partition, read_file(join(uri(warehouse, table), action["path"]), table, columns)


def read_file(path: str, table: str, columns: Sequence[str]) -> pa.Table:
    """Some columns of one Parquet file of a table; StoreError when it cannot be read."""
    store, inside = filesystem(path)
    schema = schemas.arrow_schema(schemas.load(table))
    try:
        return pq.read_table(inside, columns=list(columns), filesystem=store, schema=schema, partitioning=None)
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{path}: cannot be read ({told(error)}); publish its table again") from None


def version(warehouse: str, table: str) -> int | None:
    """The newest version of a table; None where there is none yet."""
    opened = open_table(warehouse, table)
    return opened.version() if opened is not None else None
