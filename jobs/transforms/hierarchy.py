"""The hierarchy of boxable classes: every node occurrence as a row, by path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from oilake.conf.hierarchy_names import HierarchyName
from oilake.schemas.loader import arrow_schema, table_schema

CHILDREN = {"children": "subcategory"}


def hierarchy_rows(
    root: Mapping[str, Any], by_name: Mapping[str, Sequence[str]], reviewed: Sequence[HierarchyName]
) -> pa.Table:
    """Rows of `hierarchy`, parents before children in the published order.

    `by_name`: MIDs of the boxable classes by display name; `reviewed`: names that this does not settle. A node's MID is
    NULL where neither gives exactly one.
    """
    boxable = {mid for mids in by_name.values() for mid in mids}
    columns: dict[str, list[Any]] = {column.name: [] for column in table_schema("hierarchy").stored()}
    for path, parent, node, relation in _walk_nodes(root):
        name = str(node["name"])
        columns["path"].append(path)
        columns["parent_path"].append(parent[0] if parent else None)
        columns["name"].append(name)
        columns["mid"].append(_node_mid(name, parent[1] if parent else None, by_name, boxable, reviewed))
        columns["relation"].append(relation)
        columns["depth"].append(path.count("/"))
    return pa.table(columns, schema=arrow_schema(table_schema("hierarchy")))


def _walk_nodes(root: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, str] | None, Mapping[str, Any], str | None]]:
    """(path, (parent's path, parent's name), node, relation), without recursion: a file may be nested deeply."""
    waiting: list[tuple[str, tuple[str, str] | None, Mapping[str, Any], str | None]] = [("0001", None, root, None)]
    while waiting:
        path, parent, node, relation = waiting.pop()
        yield path, parent, node, relation
        here = (path, str(node["name"]))
        below = [(child, kind) for key, kind in CHILDREN.items() for child in node.get(key) or []]
        for n, (child, kind) in reversed(list(enumerate(below, 1))):
            waiting.append((f"{path}/{n:04d}", here, child, kind))


def _node_mid(
    name: str,
    parent: str | None,
    by_name: Mapping[str, Sequence[str]],
    boxable: set[str],
    reviewed: Sequence[HierarchyName],
) -> str | None:
    for entry in reviewed:
        if entry.name == name and entry.mid in boxable and entry.parent in (None, parent):
            return entry.mid
    mids = by_name.get(name, [])
    return mids[0] if len(mids) == 1 else None
