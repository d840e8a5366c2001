"""Tables that came from anywhere: with any suite in their properties and any value in their partitions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from oilake.jobs.tables import suite_properties
from oilake.quality import scopes
from oilake.quality.suites import parse_suite

ROWS = pa.table({"a": [1, 2, 3, 4], "mid": ["/m/01", "/m/02", None, "x"]})


def query(name: str, text: str, reads: Sequence[str] = (), scope: str = "table") -> dict[str, Any]:
    """An expectation that no row is found by a query."""
    return {
        "type": scopes.QUERY,
        "kwargs": {"unexpected_rows_query": text},
        "severity": "warning",
        "description": f"nothing is found by {name}",
        "meta": {"scope": scope, "name": name, "reads": list(reads)},
    }


def counted(least: int = 1) -> dict[str, Any]:
    """An expectation of a number of rows."""
    return {
        "type": scopes.ROW_COUNT,
        "kwargs": {"min_value": least},
        "severity": "warning",
        "description": f"there are {least} rows or more",
        "meta": {"scope": "table"},
    }


def table(
    folder: Path, declared: Sequence[dict[str, Any]], rows: pa.Table = ROWS, partition_by: Sequence[str] = ()
) -> str:
    """A Delta table that carries the expectations, with the hash that fits."""
    write_deltalake(str(folder), rows, partition_by=list(partition_by))
    document = {"name": folder.name, "meta": {"version": 1}, "expectations": list(declared)}
    suite = parse_suite(json.loads(json.dumps(document)), dict.fromkeys(rows.column_names, ""), "here")
    return carrying(folder, suite_properties.carried_properties(suite))


def carrying(folder: Path, properties: dict[str, str]) -> str:
    """The table in the folder with other properties."""
    DeltaTable(str(folder)).alter.set_table_properties(properties, raise_if_not_exists=False)
    return str(folder)


def carrying_text(folder: Path, text: str) -> str:
    """The table with any text for a suite, and the hash that fits the text."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return carrying(
        folder, {suite_properties.SUITE: text, suite_properties.VERSION: "1", suite_properties.SHA256: digest}
    )
