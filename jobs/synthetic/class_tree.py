"""The tree of boxable classes by MID: subcategories and parts, several parents, and who is above whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from oilake.jobs.synthetic import pairs
from oilake.jobs.synthetic.pairs import Pairs
from oilake.jobs.synthetic.release_rules import TreeRules

Node = dict[str, Any]


@dataclass(frozen=True)
class ClassTree:
    """The boxable classes (numbers, ascending) and their edges; a child of `tops` hangs below the root alone.

    `subcategories` and `parts`: children of each class, by number. `above[i, j]`: by subcategories alone, class j of
    `codes` is an ancestor of class i.
    """

    codes: Pairs
    tops: list[int]
    subcategories: dict[int, list[int]]
    parts: dict[int, list[int]]
    above: npt.NDArray[np.bool_]

    def ancestor_pairs(self, labels: Pairs) -> Pairs:
        """(image, ancestor) for every ancestor of every label's class; sorted, each once."""
        place, is_boxable = self._places(labels)
        above = self.above[place[is_boxable]]
        rows, ancestors = np.nonzero(above)
        image = pairs.image_numbers(labels[is_boxable])[rows]
        return np.unique(pairs.pack(image, self.codes[ancestors]))

    def narrow_labels(self, rng: np.random.Generator, labels: Pairs) -> Pairs:
        """Each pair with a descendant's class in place of its own; -1 where the class has none."""
        place, is_boxable = self._places(labels)
        below = self.above.T[place] & is_boxable[:, None]
        scores = np.where(below, rng.random(below.shape, np.float32), 0)
        narrowed = pairs.pack(pairs.image_numbers(labels), self.codes[scores.argmax(axis=1)])
        return np.where(below.any(axis=1), narrowed, -1)

    def _places(self, labels: Pairs) -> tuple[Pairs, npt.NDArray[np.bool_]]:
        """Where each label's class stands in `codes`, and whether it does."""
        code = pairs.class_numbers(labels)
        place = np.minimum(np.searchsorted(self.codes, code), len(self.codes) - 1)
        return place, self.codes[place] == code


def make_tree(rng: np.random.Generator, boxable: Pairs, rules: TreeRules) -> ClassTree:
    """A tree in which every boxable class stands somewhere; edges lead from earlier to later ones, so there is no circle."""
    codes, order = np.sort(boxable), rng.permutation(boxable).tolist()
    total, tops = len(order), max(2, round(len(order) * rules.top))
    parents = order[: max(tops, round(total * 0.3))]
    subcategories: dict[int, list[int]] = {}
    parts: dict[int, list[int]] = {}
    depth = dict.fromkeys(order[:tops], 1)
    for n in range(tops, total):
        parent = _pick_parent(rng, parents[: min(n, len(parents))], depth, rules.deepest)
        subcategories.setdefault(parent, []).append(order[n])
        depth[order[n]] = depth[parent] + 1
    for edges, share in ((subcategories, rules.second_parent), (parts, rules.part)):
        for n in rng.choice(np.arange(tops, total), max(2, round(total * share)), replace=False).tolist():
            parent = _pick_parent(rng, parents[: min(n, len(parents))], depth, rules.deepest)
            if order[n] not in subcategories.get(parent, []):
                edges.setdefault(parent, []).append(order[n])
    return ClassTree(codes, order[:tops], subcategories, parts, _ancestors(codes, order, subcategories))


def _pick_parent(rng: np.random.Generator, parents: list[int], depth: dict[int, int], deepest: int) -> int:
    shallow = [parent for parent in parents if depth[parent] < deepest]
    return shallow[int(rng.integers(0, len(shallow)))]


def _ancestors(codes: Pairs, order: list[int], subcategories: dict[int, list[int]]) -> npt.NDArray[np.bool_]:
    place = {code: n for n, code in enumerate(codes.tolist())}
    above = np.zeros((len(codes), len(codes)), np.bool_)
    for parent in order:
        for child in subcategories.get(parent, []):
            above[place[child]] |= above[place[parent]]
            above[place[child], place[parent]] = True
    return above


def tree_document(tree: ClassTree, mids: list[str], root: str) -> Node:
    """The nested file: `LabelName`, `Subcategory` and `Part`, a class below every one of its parents."""
    return {"LabelName": root, "Subcategory": [_class_node(tree, mids, code) for code in tree.tops]}


def _class_node(tree: ClassTree, mids: list[str], code: int) -> Node:
    node: Node = {"LabelName": mids[code]}
    for key, edges in (("Subcategory", tree.subcategories), ("Part", tree.parts)):
        if code in edges:
            node[key] = [_class_node(tree, mids, child) for child in edges[code]]
    return node
