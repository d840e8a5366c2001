"""Which classes a class implies: its ancestors when it is there, its descendants when it is not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def ancestors(nodes: Iterable[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """(class, ancestor) as MIDs, over every occurrence of a class in `nodes` (rows of `hierarchy`: path, parent_path,
    mid, relation). Only subcategories imply their parents: a part does not; a node without MID passes on what is above it.
    """
    known = {node["path"]: node for node in nodes}
    found = set()
    for node in known.values():
        above = _parent(node, known)
        while above is not None:
            if node["mid"] and above["mid"] and node["mid"] != above["mid"]:
                found.add((str(node["mid"]), str(above["mid"])))
            above = _parent(above, known)
    return found


def _parent(node: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any] | None:
    return known.get(node["parent_path"]) if node["relation"] == "subcategory" else None
