"""Answers a question about published rows by DuckDB, which is given these rows and can reach nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from oilake.conf.errors import ConfigError, OilakeError
from oilake.jobs.runtime.locked_duckdb import locked_settings
from oilake.jobs.runtime.standard_sql import quote_name, quote_text
from oilake.jobs.tables.images_with_blobs import IMAGE_COLUMNS, blob_fields, blobs_sql, check_columns
from oilake.jobs.tables.row_batches import CandidateFile, candidate_files, read_batches, row_schema
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.tables.where_conditions import Condition, condition_error, parse_condition, unknown_column
from oilake.schemas import loader as schemas

MEMORY, THREADS = "2GB", 1
EVERY_ROW = Condition("true")
BLOB_CHECKS = "blob_checks"


@dataclass(frozen=True)
class RowQuery:
    """What is asked of a table: rows of `release` or of all that meet the condition `where`, in the order of `order_by`
    (columns, each with or without asc or desc). `columns`: none given: all. `limit`: None: all of them.

    `with_blobs`: of images: with the newest check of their blobs, at `location` or anywhere.
    """

    table: str
    release: str | None = None
    columns: tuple[str, ...] = ()
    where: str | None = None
    order_by: tuple[str, ...] = ()
    limit: int | None = None
    with_blobs: bool = False
    location: str | None = None

    def column_names(self) -> list[str]:
        """All columns that can be asked for, in their order."""
        blobs = [blob_field.name for blob_field in blob_fields()] if self.with_blobs else []
        return [*row_schema(self.table).names, *blobs]

    def source(self) -> str:
        """What SQL calls the rows."""
        if not self.with_blobs:
            return self.table
        place = f" WHERE location = {quote_text(self.location)}" if self.location is not None else ""
        return f"({blobs_sql('images', f'(SELECT * FROM {BLOB_CHECKS}{place})')}) AS published"


class GivenTable:
    """One table that the engine is given, file by file; `error`: what ended the reading, if something did."""

    def __init__(
        self, warehouse: Warehouse, query: RowQuery, condition: Condition, table: str, columns: Sequence[str]
    ) -> None:
        release = query.release if table == query.table else None
        values = condition.values if table == query.table else {}
        self.warehouse, self.table = warehouse, table
        self.schema = pa.schema([row_schema(table).field(name) for name in columns])
        self.values = {**values, **({"release": release} if release else {})}
        self.files: list[CandidateFile] = candidate_files(warehouse, table, release, self.values)
        self.error: OilakeError | None = None

    def reader(self) -> pa.RecordBatchReader:
        """The rows, which are read while they are asked for."""
        return pa.RecordBatchReader.from_batches(self.schema, self._batches())

    def _batches(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from read_batches(self.warehouse, self.table, self.files, self.schema, self.values)
        except OilakeError as error:
            self.error = error
            raise


def select_rows(warehouse: Warehouse, query: RowQuery) -> pa.Table:
    """The rows asked for, in the columns asked for.

    ConfigError where nothing is published, or where a column or the condition does not fit the table; StoreError where a
    file cannot be read.
    """
    all_names = query.column_names()
    names = [_known_column(name, all_names, "--columns") for name in query.columns] or all_names
    order = ", ".join(_order_term(term, all_names) for term in query.order_by)
    ending = (f" ORDER BY {order}" if order else "") + (f" LIMIT {query.limit}" if query.limit is not None else "")
    named = {*names, *(term.split()[0] for term in query.order_by)}
    return _ask_engine(warehouse, query, ", ".join(map(quote_name, names)), named, ending)


def count_rows(warehouse: Warehouse, query: RowQuery) -> int:
    """The number of rows that meet the condition; errors as those of `select_rows`."""
    if query.where is None and (query.release is None or schemas.table_schema(query.table).slice_by):
        row_counts = [file.rows for file in candidate_files(warehouse, query.table, query.release, {})]
        if None not in row_counts:
            return sum(count or 0 for count in row_counts)
    return int(_ask_engine(warehouse, query, "count(*) AS rows", set(), "")["rows"][0].as_py())


def _ask_engine(warehouse: Warehouse, query: RowQuery, selection: str, named: set[str], ending: str) -> pa.Table:
    """The answer; `named`: the columns that the selection and the ending name."""
    connection = duckdb.connect(":memory:", config=locked_settings(MEMORY, THREADS))
    connection.execute("SET lock_configuration = true")
    condition = EVERY_ROW if query.where is None else parse_condition(connection, query.where)
    is_of_release = query.release and "release" in query.column_names()
    release = f" AND release = {quote_text(query.release or '')}" if is_of_release else ""
    sql = f"SELECT {selection} FROM {query.source()} WHERE {condition.sql}{release}{ending}"
    columns = _read_columns(query, named | ({"release"} if is_of_release else set()), condition)
    tables: list[GivenTable] = []
    try:
        _try_on_no_rows(connection, query.source(), condition, list(columns), sql)
        tables += [GivenTable(warehouse, query, condition, table, columns[table]) for table in columns]
        for table in tables:
            connection.register(table.table, table.reader())
        return connection.sql(sql).to_arrow_table()
    except duckdb.Error as error:
        broken = next((table.error for table in tables if table.error), None)
        raise broken or condition_error(error, query.column_names()) from None
    finally:
        connection.close()


def _try_on_no_rows(
    connection: duckdb.DuckDBPyConnection, source: str, condition: Condition, tables: Sequence[str], sql: str
) -> None:
    """ConfigError, or DuckDB's own, where the query does not fit the columns."""
    for table in tables:
        connection.register(table, row_schema(table).empty_table())
    kind = str(connection.sql(f"SELECT {condition.sql} AS met FROM {source}").types[0])
    if kind not in ("BOOLEAN", '"NULL"'):
        raise ConfigError(f"--where: the condition is not true or false but {kind}; compare it with a value")
    connection.sql(sql).fetchall()
    for table in tables:
        connection.unregister(table)


def _read_columns(query: RowQuery, named: set[str], condition: Condition) -> dict[str, list[str]]:
    """The columns to read, by table; in a condition a name stands in any case."""
    every = row_schema(query.table).names
    chosen = [name for name in every if name in named or name.lower() in condition.names]
    if query.with_blobs:
        return {
            "images": [name for name in every if name in {*chosen, *IMAGE_COLUMNS}],
            BLOB_CHECKS: check_columns(),
        }
    return {query.table: chosen or every[:1]}


def _order_term(term: str, names: Sequence[str]) -> str:
    name, _, direction = term.strip().partition(" ")
    if direction.strip().lower() not in ("", "asc", "desc"):
        raise ConfigError(f"--order-by {term!r}: a column is followed by asc, desc or nothing")
    return f"{quote_name(_known_column(name, names, '--order-by'))} {direction} NULLS LAST"


def _known_column(name: str, names: Sequence[str], flag: str) -> str:
    if name not in names:
        raise ConfigError(f"{flag} {unknown_column(name, names)}")
    return name
