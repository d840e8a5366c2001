"""Finds the tables to write about: those of a warehouse, or the one in a folder, from what each carries."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from oilake.conf.errors import ConfigError
from oilake.jobs.reporting.table_history import TableColumn, TableHistory
from oilake.jobs.tables.delta_log import newest_rows, open_table
from oilake.jobs.tables.published_slices import current_slice
from oilake.jobs.tables.snapshots import SINCE, newest_snapshots
from oilake.jobs.tables.suite_properties import carried_suite
from oilake.jobs.tables.targets import open_copy, warehouse_of_folder
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.validation import publish_gate
from oilake.jobs.validation.validation_history import ValidationRun, runs_from_folder, runs_from_rows
from oilake.schemas import loader as schemas


def read_warehouse_tables(warehouse: Warehouse, only: str | None) -> list[TableHistory]:
    """Every table of the warehouse that was ever judged, or the one asked for; ConfigError when there is none."""
    by_table: dict[str, list[dict[str, Any]]] = {}
    for row in newest_rows(warehouse, publish_gate.RESULTS):
        by_table.setdefault(row["table_name"], []).append(row)
    names = [only] if only else [name for name in schemas.table_names() if name in by_table]
    for snapshot in newest_snapshots(warehouse).values():
        for name, _, since in (named.partition(SINCE) for named in snapshot.table_versions):
            if name in names:
                current_slice(warehouse, name, snapshot, since or None)
    tables = [
        _read_table(
            warehouse,
            name,
            runs_from_rows(by_table.get(name, ()), runs_from_folder(warehouse.table_uri(name))),
            schemas.table_schema(name).grain,
        )
        for name in names
    ]
    if not tables:
        raise ConfigError(f"{warehouse}: nothing is published there; run `oilake ingest --release R` first")
    return tables


def read_copy(path: str) -> TableHistory:
    """The table in a folder, with the checks that lie in it; ConfigError when it is none, or carries no expectations."""
    open_copy(path)
    return _read_table(*warehouse_of_folder(path), runs_from_folder(path), "")


def _read_table(warehouse: Warehouse, name: str, looks: Iterable[ValidationRun], grain: str) -> TableHistory:
    opened = open_table(warehouse, name)
    if opened is None:
        raise ConfigError(
            f"{warehouse.table_uri(name)}: there is no such table yet; run `oilake ingest --release R` first"
        )
    suite = carried_suite(opened)
    return TableHistory(
        suite.name,
        warehouse.table_uri(name),
        opened.metadata().description or "",
        grain,
        int(opened.version()),
        [_table_column(field) for field in json.loads(opened.schema().to_json())["fields"]],
        suite,
        list(looks),
    )


def _table_column(field: dict[str, Any]) -> TableColumn:
    comment = field.get("metadata", {}).get("comment", "")
    return TableColumn(field["name"], _type_in_words(field["type"]), bool(field["nullable"]), str(comment))


def _type_in_words(declared: Any) -> str:
    """A Delta type in words: nested ones are objects in the log."""
    if isinstance(declared, str):
        return declared
    if declared["type"] == "array":
        return f"array of {_type_in_words(declared['elementType'])}"
    if declared["type"] == "map":
        return f"map of {_type_in_words(declared['keyType'])} to {_type_in_words(declared['valueType'])}"
    return f"({', '.join(' '.join((field['name'], _type_in_words(field['type']))) for field in declared['fields'])})"
