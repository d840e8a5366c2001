"""Which classes a class implies: its ancestors when it is there, its descendants when it is not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oilake.jobs.transforms.class_vocabulary import ClassVocabulary, Codes
from oilake.jobs.transforms.label_keys import range_numbers


@dataclass(frozen=True)
class ClassAncestors:
    """Pairs of a class and one that it implies, as MIDs; both of shape (pairs,)."""

    below: pa.StringArray
    above: pa.StringArray

    def implied_codes(self, codes: Codes, classes: ClassVocabulary) -> tuple[Codes, Codes]:
        """(the places in `codes` from which something follows, the code of the ancestor that follows), of all pairs whose
        classes the vocabulary has."""
        is_listed = pc.and_(pc.is_in(self.below, value_set=classes.mids), pc.is_in(self.above, value_set=classes.mids))
        below, above = (classes.codes(mids.filter(is_listed)) for mids in (self.below, self.above))
        order = np.argsort(below, kind="stable")
        firsts, stops = (np.searchsorted(below[order], codes, side=side) for side in ("left", "right"))
        return np.repeat(np.arange(len(codes)), stops - firsts), above[order][range_numbers(firsts, stops)]


def build_ancestors(nodes: Iterable[Mapping[str, Any]]) -> ClassAncestors:
    """The pairs of `ancestor_pairs`, sorted; none where there are no nodes."""
    pairs = sorted(ancestor_pairs(nodes))
    below, above = ([pair[n] for pair in pairs] for n in (0, 1))
    return ClassAncestors(pa.array(below, pa.string()), pa.array(above, pa.string()))


def subcategory_edges(nodes: Iterable[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """Distinct (node, parent) of the subcategories in `nodes` (rows of `hierarchy`: path, parent_path, mid, relation).

    A node is its MID; one without a MID is the path at which it stands.
    """
    nodes_by_path = {node["path"]: node for node in nodes}
    return {
        (_node_key(node), _node_key(nodes_by_path[node["parent_path"]]))
        for node in nodes_by_path.values()
        if node["relation"] == "subcategory" and node["parent_path"] in nodes_by_path
    }


def ancestor_pairs(nodes: Iterable[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """(class, ancestor) as MIDs: the closure of the distinct edges, however often a node occurs. Only subcategories imply
    their parents: a part does not; a node without MID passes on what is above it.
    """
    nodes = list(nodes)
    parents: dict[str, set[str]] = defaultdict(set)
    for below, above in subcategory_edges(nodes):
        parents[below].add(above)
    mids = {node["mid"] for node in nodes if node["mid"]}
    return {(mid, above) for mid in mids for above in _nodes_above(mid, parents) if above in mids and above != mid}


def _nodes_above(node: str, parents: Mapping[str, set[str]]) -> set[str]:
    """Every node that is reached from `node`, which itself is one of them where the edges form a circle."""
    above: set[str] = set()
    waiting = [node]
    while waiting:
        fresh = parents.get(waiting.pop(), set()) - above
        above |= fresh
        waiting += fresh
    return above


def _node_key(node: Mapping[str, Any]) -> str:
    return str(node["mid"] or node["path"])


NO_ANCESTORS = build_ancestors([])
