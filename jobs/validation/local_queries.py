"""Answers this version's own queries in this process, by DuckDB, where the slices are small: no Java starts for them.

The queries are written for Spark. What DuckDB calls otherwise is given its name; a query that it still does not answer is
left to Spark.
"""

from __future__ import annotations

import datetime
import decimal
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from oilake.jobs.runtime.filesystem import open_filesystem
from oilake.jobs.runtime.locked_duckdb import locked_settings
from oilake.jobs.runtime.standard_sql import quote_name
from oilake.jobs.tables.targets import CheckTarget, TableFile
from oilake.jobs.validation import sandbox
from oilake.quality.metrics import EXAMPLES, ExpectationCount

SMALL_BYTES = 64 << 20
MEMORY, THREADS = "2GB", 2
ANY_ITEM = re.compile(r"\bexists\((\w+), (\w+) -> ")
TEXTS = "abcdefgh"
# DuckDB's own concat leaves NULLs out; each number of texts needs a form of its own.
CONCAT = ", ".join(f"({', '.join(TEXTS[:n])}) AS {' || '.join(TEXTS[:n])}" for n in range(2, len(TEXTS) + 1))
MACROS = (
    "approx_count_distinct(v) AS count(DISTINCT v)",
    "array_max(items) AS list_max(items)",
    "array_min(items) AS list_min(items)",
    f"concat{CONCAT}",
    "current_timestamp() AS now()",
    "map_contains_key(pairs, wanted) AS list_contains(map_keys(pairs), wanted)",
)
# Spark takes a field out of a whole list of structs.
FIELD_OF_ITEMS = re.compile(r"array_(min|max)\((\w+)\.(\w+)\)")


class StagedRows(NamedTuple):
    """Rows of one table that are not published yet: the table's folder, all its columns, and the rows' files."""

    folder: str
    schema: pa.Schema
    files: Sequence[TableFile]


SlicedRows = CheckTarget | StagedRows


def are_small(targets: Iterable[SlicedRows]) -> bool:
    """Whether all files of the targets together are so small that Spark's start would take longer than they do."""
    return sum(file.size for target in targets for file in target.files) <= SMALL_BYTES


def open_engine() -> duckdb.DuckDBPyConnection:
    """An engine that reaches nothing but the tables of a question, and has Spark's words."""
    engine = duckdb.connect(":memory:", config=locked_settings(MEMORY, THREADS))
    for macro in MACROS:
        engine.execute(f"CREATE MACRO {macro}")
    engine.execute("SET TimeZone = 'UTC'")
    engine.execute("SET lock_configuration = true")
    return engine


def count_rows(
    engine: duckdb.DuckDBPyConnection, query: str, tables: Mapping[str, SlicedRows]
) -> ExpectationCount | None:
    """The rows that the query finds in `tables`, by the names that it gives them, and the first of them; None where DuckDB
    does not answer it."""
    try:
        answer = _query_rows(engine, _duckdb_text(query), tables)
        first = _first_rows(engine, answer)
    except (duckdb.Error, pa.ArrowException, OSError):
        return None
    return ExpectationCount(len(answer), 0, len(answer), sorted(map(_json_example, first), key=json.dumps))


def count_repeated_keys(target: SlicedRows, key: Sequence[str], rows: int) -> ExpectationCount | None:
    """Rows of the target whose key another row has too; the examples are keys, with the number of their rows. None where
    they are not small, or DuckDB does not answer it."""
    if not are_small([target]):
        return None
    columns = ", ".join(map(quote_name, key))
    query = f"SELECT {columns}, count(*) AS rows FROM target GROUP BY {columns} HAVING count(*) > 1"
    try:
        with open_engine() as engine:
            groups = _query_rows(engine, query, {"target": target})
            first = _first_rows(engine, groups)
    except (duckdb.Error, pa.ArrowException, OSError):
        return None
    return ExpectationCount(rows, 0, pc.sum(groups["rows"]).as_py() or 0, first)


def answer_query(engine: duckdb.DuckDBPyConnection, query: str, tables: Mapping[str, SlicedRows]) -> pa.Table | None:
    """The rows that a query of DuckDB's own words finds in `tables`, by the names that it gives them; None where it is not
    answered."""
    try:
        return _query_rows(engine, query, tables)
    except (duckdb.Error, pa.ArrowException, OSError):
        return None


def _duckdb_text(query: str) -> str:
    fields = FIELD_OF_ITEMS.sub(r"list_\1(list_transform(\2, lambda item: item.\3))", query)
    return ANY_ITEM.sub(r"[] <> list_filter(\1, lambda \2: ", fields)


def _query_rows(engine: duckdb.DuckDBPyConnection, query: str, tables: Mapping[str, SlicedRows]) -> pa.Table:
    for name, target in tables.items():
        store, _ = open_filesystem(target.folder)
        files = [(open_filesystem(file.uri)[1], file.partition) for file in target.files]
        engine.register(name, sandbox.slice_dataset(target.schema, files, store))
    try:
        return _arrow_table(engine, query)
    finally:
        for name in tables:
            engine.unregister(name)


def _first_rows(engine: duckdb.DuckDBPyConnection, answer: pa.Table) -> list[dict[str, Any]]:
    """The first rows of an answer in the order of its columns."""
    engine.register("answer", answer)
    try:
        first = _arrow_table(engine, f"SELECT * FROM answer ORDER BY ALL NULLS FIRST LIMIT {EXAMPLES}")
    finally:
        engine.unregister("answer")
    rows: list[dict[str, Any]] = first.to_pylist(maps_as_pydicts="strict")
    return rows


def _arrow_table(engine: duckdb.DuckDBPyConnection, query: str) -> pa.Table:
    relation = engine.sql(query)
    return pa.table({}) if relation is None else relation.to_arrow_table()


def _json_example(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _json_value(value) for name, value in row.items()}


def _json_value(value: Any) -> Any:
    """A value as Spark's JSON has it."""
    if isinstance(value, Mapping):
        return _json_example(value)
    if isinstance(value, list):
        return [_json_value(item) for item in value]
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime.datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{'-' * (value < 0)}Infinity"
    return value
