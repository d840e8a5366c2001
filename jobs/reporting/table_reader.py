"""Finds the tables to write about: those of a warehouse, or the one in a folder, from what each carries."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from oilake.conf.errors import ConfigError
from oilake.jobs.reporting.table_history import Table, TableColumn
from oilake.jobs.tables.delta_log import open_table, rows, uri
from oilake.jobs.tables.snapshots import SINCE, held, snapshots
from oilake.jobs.tables.suite_properties import carried
from oilake.jobs.tables.targets import open_copy, parted
from oilake.jobs.validation import publish_gate
from oilake.jobs.validation.validation_history import Look, of_folder, of_rows
from oilake.schemas import loader as schemas


def of_warehouse(warehouse: str, only: str | None) -> list[Table]:
    """Every table of the warehouse that was ever judged, or the one asked for; ConfigError when there is none."""
    by_table: dict[str, list[dict[str, Any]]] = {}
    for row in rows(warehouse, publish_gate.RESULTS):
        by_table.setdefault(row["table_name"], []).append(row)
    names = [only] if only else [name for name in schemas.names() if name in by_table]
    for pin in snapshots(warehouse).values():
        for name, _, since in (named.partition(SINCE) for named in pin.table_versions):
            if name in names:
                held(warehouse, name, pin, since or None)
    tables = [
        _table(
            warehouse, name, of_rows(by_table.get(name, ()), of_folder(uri(warehouse, name))), schemas.load(name).grain
        )
        for name in names
    ]
    if not tables:
        raise ConfigError(f"{warehouse}: nothing is published there; ingest a release first")
    return tables


def of_copy(path: str) -> Table:
    """The table in a folder, with the checks that lie in it; ConfigError when it is none, or carries no expectations."""
    open_copy(path)
    return _table(*parted(path), of_folder(path), "")


def _table(warehouse: str, name: str, looks: Iterable[Look], grain: str) -> Table:
    opened = open_table(warehouse, name)
    if opened is None:
        raise ConfigError(f"{uri(warehouse, name)}: there is no such table yet; ingest a release first")
    suite = carried(opened)
    return Table(
        suite.name,
        uri(warehouse, name),
        opened.metadata().description or "",
        grain,
        int(opened.version()),
        [_column(field) for field in json.loads(opened.schema().to_json())["fields"]],
        suite,
        list(looks),
    )


def _column(field: dict[str, Any]) -> TableColumn:
    comment = field.get("metadata", {}).get("comment", "")
    return TableColumn(field["name"], _type(field["type"]), bool(field["nullable"]), str(comment))


def _type(declared: Any) -> str:
    """A Delta type in words: nested ones are objects in the log."""
    if isinstance(declared, str):
        return declared
    if declared["type"] == "array":
        return f"array of {_type(declared['elementType'])}"
    if declared["type"] == "map":
        return f"map of {_type(declared['keyType'])} to {_type(declared['valueType'])}"
    return f"({', '.join(' '.join((one['name'], _type(one['type']))) for one in declared['fields'])})"
