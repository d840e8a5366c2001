"""Answers SQL about published rows by a DuckDB that sees them as views, `v3.labels` or `labels`, and nothing else."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from oilake.conf.errors import ConfigError
from oilake.jobs.querying.published_dataset import open_dataset
from oilake.jobs.runtime.locked_duckdb import locked_settings
from oilake.jobs.runtime.standard_sql import quote_name
from oilake.jobs.tables.snapshots import pin_snapshots, require_snapshot
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.tables.where_conditions import duckdb_sentence
from oilake.jobs.validation.sandbox import named_subqueries, parsed_objects
from oilake.schemas import loader as schemas

MEMORY = "4GB"
OWN_SCHEMAS = ("main", "information_schema", "pg_catalog")

Values = Sequence[object] | Mapping[str, object] | None


def ask_views(warehouse: Warehouse, query: str, values: Values = None) -> duckdb.DuckDBPyRelation:
    """The answer to one SELECT, which is computed when its rows are asked for.

    A table's name means its rows of every release, `RELEASE.TABLE` those of one, each at the newest snapshot of the
    moment of the call. `values`: those of `?` or `$name`. ConfigError where the query is none, or does not fit what is
    published.
    """
    connection = duckdb.connect(":memory:", config=locked_settings(MEMORY, os.cpu_count() or 1))
    connection.execute("SET lock_configuration = true")
    try:
        names, pinned = _table_names(connection, query), pin_snapshots(warehouse)
        for name in names:
            _add_view(connection, pinned, *name)
        return connection.sql(query, params=_bound_values(values))
    except duckdb.Error as error:
        raise ConfigError(f"the query cannot be answered: {duckdb_sentence(error)}") from None


def _table_names(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[str, str]]:
    """(schema, table) of what a SELECT reads, the schema empty where it names none; ConfigError where it is no SELECT."""
    kinds = [statement.type.name for statement in connection.extract_statements(query)]
    if kinds != ["SELECT"]:
        raise ConfigError(f"the query is {', '.join(kinds) or 'empty'}; ask one SELECT")
    parsed = json.loads(connection.execute("SELECT json_serialize_sql(?)", [query]).fetchall()[0][0])
    if parsed["error"]:
        raise ConfigError("the query is no plain SELECT; write it without PIVOT and the like")
    parts = list(parsed_objects(parsed["statements"]))
    subqueries = {("", name.lower()) for name in named_subqueries(parts)}
    tables = [part for part in parts if part.get("type") == "BASE_TABLE"]
    return sorted({(part["schema_name"].lower(), part["table_name"].lower()) for part in tables} - subqueries)


def _add_view(connection: duckdb.DuckDBPyConnection, warehouse: Warehouse, release: str, table: str) -> None:
    """Makes what a query names a view; a name that is none of ours is left to DuckDB, which knows none either."""
    if table not in schemas.table_names() or release in OWN_SCHEMAS:
        return
    if release:
        require_snapshot(warehouse, release)
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote_name(release)}")
    rows = f"rows of {release}.{table}"
    connection.register(rows, open_dataset(warehouse, table, release or None))
    view = ".".join(quote_name(part) for part in (release, table) if part)
    connection.execute(f"CREATE VIEW {view} AS SELECT * FROM {quote_name(rows)}")


def _bound_values(values: Values) -> Any:
    """The values as DuckDB takes them."""
    return values if values is None or isinstance(values, Mapping) else list(values)
