"""The hierarchy of boxable classes as the visualizer's file has it: by display name, with all its oddities."""

from __future__ import annotations

from typing import Any

import numpy as np

from oilake.jobs.synthetic import names
from oilake.jobs.synthetic.classes import SampleClasses
from oilake.jobs.synthetic.release_rules import AFTER

LEAF_SIZE = 1000
ROOT = "Entity"
GROUPS = (
    "Outdoor things",
    "Indoor things",
    "Things with wheels",
    "Workshop",
    "Pantry",
    "Harbour goods",
    "Living things",
)
PARENT_SHARE = 0.12
SECOND_PARENT_SHARE = 0.09
RESPELLED_SHARE = 0.03

Node = dict[str, Any]


def make_hierarchy(seed: int, classes: SampleClasses) -> Node:
    """Nested `name`, `children`, `size` (leaves only); some nodes stand under several parents, some edges twice."""
    rng = np.random.default_rng([seed, 2])
    words = list(dict.fromkeys(classes.names[AFTER][index] for index in classes.boxable.tolist()))
    unusual = rng.choice(len(words), max(2, round(len(words) * RESPELLED_SHARE)), replace=False)
    for n in unusual.tolist():
        words[n] = names.spelled_otherwise(words[n])
    count = max(2, round(len(words) * PARENT_SHARE))
    groups = [_new_node(word) for word in GROUPS[: 3 + len(words) // 100]]
    parents = list(groups)
    for word in words[:count]:
        parents.append(_adopt_child(rng, parents, _new_node(word)))
    leaves = [_adopt_child(rng, parents, _new_node(word)) for word in words[count:]]
    _repeat_edges(rng, groups, parents, leaves)
    return _as_file_node({"name": ROOT, "children": groups})


def _new_node(name: str) -> Node:
    return {"name": name, "children": []}


def _adopt_child(rng: np.random.Generator, parents: list[Node], child: Node) -> Node:
    parents[int(rng.integers(0, len(parents)))]["children"].append(child)
    return child


def _repeat_edges(rng: np.random.Generator, groups: list[Node], parents: list[Node], leaves: list[Node]) -> None:
    """Second parents for some leaves and two small branches (so their edges stand twice), and one leaf twice."""
    for n in rng.choice(len(leaves), max(2, round(len(leaves) * SECOND_PARENT_SHARE)), replace=False).tolist():
        _adopt_child(rng, parents, leaves[n])
    for branch in parents[-2:]:
        branch["children"].append(leaves[len(branch["children"])])
        _adopt_child(rng, groups, branch)
    full = next(parent for parent in parents if parent["children"])
    full["children"].append(full["children"][-1])


def _as_file_node(node: Node) -> Node:
    if not node["children"]:
        return {"name": node["name"], "size": LEAF_SIZE}
    return {"name": node["name"], "children": [_as_file_node(child) for child in node["children"]]}
