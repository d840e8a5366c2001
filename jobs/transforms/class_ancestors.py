"""Which classes a class implies: its ancestors when it is there, its descendants when it is not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def ancestor_pairs(nodes: Iterable[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """(class, ancestor) as MIDs, over every occurrence of a class in `nodes` (rows of `hierarchy`: path, parent_path,
    mid, relation). Only subcategories imply their parents: a part does not; a node without MID passes on what is above it.
    """
    nodes_by_path = {node["path"]: node for node in nodes}
    pairs = set()
    for node in nodes_by_path.values():
        above = _parent_node(node, nodes_by_path)
        while above is not None:
            if node["mid"] and above["mid"] and node["mid"] != above["mid"]:
                pairs.add((str(node["mid"]), str(above["mid"])))
            above = _parent_node(above, nodes_by_path)
    return pairs


def _parent_node(node: Mapping[str, Any], nodes_by_path: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any] | None:
    return nodes_by_path.get(node["parent_path"]) if node["relation"] == "subcategory" else None
