"""DuckDB over published files: it may read the warehouse and nothing else, and every value in a query is bound."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
from pyarrow import fs

from oilake.conf.errors import StoreError
from oilake.jobs.runtime.error_text import error_line
from oilake.jobs.runtime.filesystem import file_size, open_filesystem
from oilake.jobs.runtime.locked_duckdb import ACCESS, locked_settings
from oilake.jobs.surveying.view_slice import ViewFile, ViewSlice
from oilake.jobs.tables.parquet_footers import find_damaged
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas

MEMORY, THREADS, BATCH = "512MB", 2, 65_536
# What DuckDB takes in a path for a pattern.
PATTERN = re.compile(r"[*?\[\]{}]")


class LockedEngine:
    """One DuckDB of a process; each `Query` has a cursor of its own, so threads may ask side by side."""

    def __init__(self, warehouse: Warehouse) -> None:
        engine_settings = locked_settings(MEMORY, THREADS)
        del engine_settings[ACCESS]  # it is taken away once the warehouse is allowed
        self._connection = duckdb.connect(":memory:", config=engine_settings)
        store, root = warehouse.filesystem()
        self.is_local = isinstance(store, fs.LocalFileSystem) and not PATTERN.search(root)
        if self.is_local:
            self._connection.execute("SET allowed_directories = ?", [[root]])
        self._connection.execute(f"SET {ACCESS} = false")
        self._connection.execute("SET parquet_metadata_cache = true")  # of the same files from one request to the next
        self._connection.execute("SET lock_configuration = true")

    def begin_query(self) -> Query:
        """A query that is still to be written."""
        return Query(self._connection.cursor(), self.is_local)


class Query:
    """One query as it is put together: what its tables are, and the values that are bound in it."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, is_local: bool) -> None:
        self._cursor, self._is_local = cursor, is_local
        self._values: dict[str, object] = {}
        self._numbers = count()
        self._uris: list[str] = []

    def bind(self, value: object) -> str:
        """The name under which a value stands in the text."""
        name = f"v{next(self._numbers)}"
        self._values[name] = value
        return f"${name}"

    def files_relation(self, published: ViewSlice) -> str:
        """The rows of the slice's files with their partition's values, in brackets; it must have a file."""
        groups: dict[tuple[tuple[str, str], ...], list[ViewFile]] = {}
        for file in published.files:
            groups.setdefault(tuple(sorted(file.partition.items())), []).append(file)
        parts = [self._of_partition(published.table, dict(values), files) for values, files in groups.items()]
        return f"({' UNION ALL BY NAME '.join(parts)})"

    def _of_partition(self, table: str, values: dict[str, str], files: Sequence[ViewFile]) -> str:
        constants = "".join(f', {self.bind(value)} AS "{name}"' for name, value in values.items())
        paths = [open_filesystem(file.uri)[1] for file in files]
        self._uris += [file.uri for file in files]
        if self._is_local:
            rows = f"read_parquet({self.bind(paths)}, hive_partitioning = false, union_by_name = true)"
        else:
            rows = f"arrow_{next(self._numbers)}"
            schema = schemas.arrow_schema(schemas.table_schema(table))
            dataset = ds.dataset(paths, schema, "parquet", open_filesystem(files[0].uri)[0])
            self._cursor.register(rows, dataset)
        return f"SELECT *{constants} FROM {rows}"

    def read_rows(self, text: str) -> list[dict[str, Any]]:
        """The answer, a dictionary a row; StoreError where the files cannot be read."""
        return [row for batch in self._read_batches(text) for row in batch.to_pylist()]

    def read_column(self, text: str) -> Iterator[Any]:
        """The values of an answer's one column, as they are read; StoreError as `read_rows`, also on the way."""
        return (value for batch in self._read_batches(text) for value in batch.column(0).to_pylist())

    def _read_batches(self, text: str) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._cursor.sql(text, params=self._values).to_arrow_reader(BATCH)
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            raise find_damaged(uri for uri in self._uris if file_size(uri) is not None) or StoreError(
                f"the tables cannot be read as they were a moment ago ({error_line(error)}); ask again, and "
                "if that does not help, `oilake check` tells which file is damaged"
            ) from None
