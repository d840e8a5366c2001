"""Which classes a class implies: its ancestors when it is there, its descendants when it is not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oilake.jobs.transforms.class_vocabulary import ClassVocabulary, Codes


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
        counts = stops - firsts
        steps = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.repeat(np.arange(len(codes)), counts), above[order][np.repeat(firsts, counts) + steps]


def build_ancestors(nodes: Iterable[Mapping[str, Any]]) -> ClassAncestors:
    """The pairs of `ancestor_pairs`, sorted; none where there are no nodes."""
    pairs = sorted(ancestor_pairs(nodes))
    below, above = ([pair[n] for pair in pairs] for n in (0, 1))
    return ClassAncestors(pa.array(below, pa.string()), pa.array(above, pa.string()))


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


NO_ANCESTORS = build_ancestors([])
