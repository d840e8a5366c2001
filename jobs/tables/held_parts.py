"""What a release holds that was taken in part: `release_files` says of each member for which table and subsets it was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from oilake.jobs.tables.slice_files import small_rows
from oilake.jobs.tables.slice_versions import LostRowsError
from oilake.jobs.tables.snapshots import Snapshot
from oilake.jobs.tables.warehouse import Warehouse


def published_parts(warehouse: Warehouse, pin: Snapshot) -> dict[str, list[str]]:
    """Return the subsets of each table that a published release holds; empty where it does not say, or its rows are lost."""
    try:
        return held_parts(small_rows(warehouse, "release_files", pin, ["table_name", "subsets"]))
    except LostRowsError:
        return {}


def held_parts(file_rows: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return the subsets of each table, both sorted, of rows of `release_files`; none of a table that knows no subsets."""
    subsets: dict[str, set[str]] = {}
    for row in file_rows:
        if row["table_name"] is not None:
            subsets.setdefault(row["table_name"], set()).update(row["subsets"] or ())
    return {table: sorted(subsets[table]) for table in sorted(subsets)}


def parts_text(parts: Mapping[str, Iterable[str]]) -> str:
    """Word the parts for a person, such as `boxes and labels of validation; classes`."""
    tables: dict[str, list[str]] = {}
    for table, subsets in parts.items():
        tables.setdefault(", ".join(subsets), []).append(table)
    texts = [" and ".join(names) + (f" of {subsets}" if subsets else "") for subsets, names in tables.items()]
    return "; ".join(texts) or "an older version's choice of files"
