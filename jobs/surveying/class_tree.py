"""The hierarchy of a release as a tree: each occurrence of each class, with what is published of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from oilake.jobs.surveying.aggregate import Row
from oilake.jobs.surveying.pinned_view import PinnedView

COUNTS = ("positives", "negatives", "boxes")


@dataclass
class TreeNode:
    """One occurrence of a class. `relation`: to its parent, empty at the root; `counts`: positives, negatives, boxes of
    the release; `elsewhere`: names of its other parents."""

    path: str
    mid: str
    name: str
    relation: str
    counts: dict[str, int]
    elsewhere: list[str] = field(default_factory=list)
    children: list[TreeNode] = field(default_factory=list)

    def walk_down(self) -> Iterator[TreeNode]:
        """The node and all below it, each before those below it."""
        yield self
        for child in self.children:
            yield from child.walk_down()


def read_tree(view: PinnedView, release: str, labels: list[Row], boxes: list[Row]) -> list[TreeNode]:
    """The roots of the hierarchy, one as a rule; none where the release has none. `labels`, `boxes`: counts by class."""
    counts = _add_counts([*labels, *boxes])
    rows = sorted(view.hierarchy_rows(release), key=lambda row: row["path"])
    nodes = {row["path"]: _tree_node(row, counts) for row in rows}
    roots: list[TreeNode] = []
    parents: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        node, parent = nodes[row["path"]], nodes.get(row["parent_path"])
        (parent.children if parent else roots).append(node)
        if parent:
            parents[_node_key(node)].add(parent.name)
    for row in rows:
        node, parent = nodes[row["path"]], nodes.get(row["parent_path"])
        node.elsewhere = sorted(parents[_node_key(node)] - {parent.name if parent else ""})
    return roots


def _tree_node(row: Row, counts: dict[str, dict[str, int]]) -> TreeNode:
    mid = row["mid"] or ""
    name = row["name"] or mid or "without a name"
    return TreeNode(row["path"], mid, name, row["relation"] or "", counts.get(mid, dict.fromkeys(COUNTS, 0)))


def _node_key(node: TreeNode) -> str:
    return node.mid or node.name


def _add_counts(rows: list[Row]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(COUNTS, 0))
    for row in rows:
        for name in COUNTS:
            counts[row["mid"]][name] += row.get(name, 0)
    return dict(counts)
