"""Rows of `classes` of two releases to rows of `class_history`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from oilake.schemas.loader import arrow_schema, table_schema

COLUMNS = ("mid", "display_name", "is_trainable", "is_boxable")
CHANGES = ("added", "removed", "renamed", "kept")

Class = Mapping[str, Any]


def compare_classes(before: Iterable[Class], after: Iterable[Class]) -> pa.Table:
    """One row a MID that either release lists, sorted by MID. `before`, `after`: rows with COLUMNS."""
    old, new = ({row["mid"]: row for row in rows} for rows in (before, after))
    carriers = Counter(row["display_name"] for row in new.values())
    gone = Counter(row["display_name"] for row in old.values())
    rows = [
        _history_row(mid, old.get(mid), new.get(mid), carriers if mid in new else gone) for mid in sorted({*old, *new})
    ]
    return pa.Table.from_pylist(rows, schema=arrow_schema(table_schema("class_history")))


def _history_row(mid: str, old: Class | None, new: Class | None, carriers: Counter[str]) -> dict[str, Any]:
    before, after = old or {}, new or {}
    name = (before if new is None else after).get("display_name")
    return {
        "mid": mid,
        "change": _change_kind(old, new),
        "from_name": before.get("display_name"),
        "to_name": after.get("display_name"),
        "sharing": None if name is None else carriers[name],
        "from_is_trainable": before.get("is_trainable"),
        "to_is_trainable": after.get("is_trainable"),
        "from_is_boxable": before.get("is_boxable"),
        "to_is_boxable": after.get("is_boxable"),
    }


def _change_kind(old: Class | None, new: Class | None) -> str:
    if old is None:
        return "added"
    if new is None:
        return "removed"
    return "kept" if _bare_name(old) == _bare_name(new) else "renamed"


def _bare_name(row: Class) -> str | None:
    """The name without the blanks around it, which come and go (V4 has some) and name nothing else."""
    return (row["display_name"] or "").strip() or None
