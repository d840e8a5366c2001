"""The hierarchy of boxable classes: every node occurrence as a row, by path."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa

from oilake.conf.hierarchy_names import HierarchyName
from oilake.jobs.transforms import mids
from oilake.jobs.transforms.classes import boxable_by_name
from oilake.schemas.loader import arrow_schema, table_schema


@dataclass(frozen=True)
class NodeForm:
    """How a file writes its nodes: `label` is the key of what a node stands for, `relations` are those of its children
    with what they are to it; `is_label`: whether a text may be a label."""

    description: str
    label: str
    relations: Mapping[str, str]
    is_label: Callable[[str], bool]


def _is_encodable(text: str) -> bool:
    return text.encode(errors="ignore").decode() == text


BY_NAME = NodeForm("named nodes", "name", {"children": "subcategory"}, _is_encodable)
BY_MID = NodeForm(
    "nodes with a MID each",
    "LabelName",
    {"Subcategory": "subcategory", "Part": "part"},
    lambda text: re.fullmatch(mids.CANONICAL, text) is not None,
)
RELATION_KEYS = BY_NAME.relations.keys() | BY_MID.relations.keys()


class NodeOccurrence(NamedTuple):
    """A node at one place: its label, and its parent's path and label (None at the root) and relation to it."""

    path: str
    label: str
    parent_path: str | None
    parent_label: str | None
    relation: str | None


def node_form(root: Any) -> NodeForm:
    """The form of a document, as its root shows it: V2 and V3 name their nodes, from V4 on they are MIDs."""
    return BY_MID if isinstance(root, dict) and BY_MID.label in root else BY_NAME


def hierarchy_rows(root: Mapping[str, Any], classes: pa.Table, reviewed: Sequence[HierarchyName]) -> pa.Table:
    """Rows of `hierarchy`, one for every occurrence of a node, parents before children in the published order.

    `classes`: the rows of `classes` of the release; `reviewed`: names of nodes that these do not settle. The MID of a
    named node is NULL where neither gives exactly one; the name of a MID where the release describes it nowhere.
    """
    form = node_form(root)
    names = dict(zip(classes["mid"].to_pylist(), classes["display_name"].to_pylist(), strict=True))
    by_name = boxable_by_name(classes)
    boxable = {mid for mids_of_name in by_name.values() for mid in mids_of_name}
    columns: dict[str, list[Any]] = {column.name: [] for column in table_schema("hierarchy").stored()}
    for node in _walk_nodes(root, form):
        columns["path"].append(node.path)
        columns["parent_path"].append(node.parent_path)
        columns["name"].append(node.label if form is BY_NAME else names.get(node.label))
        columns["mid"].append(node.label if form is BY_MID else _named_mid(node, by_name, boxable, reviewed))
        columns["relation"].append(node.relation)
        columns["depth"].append(node.path.count("/"))
    return pa.table(columns, schema=arrow_schema(table_schema("hierarchy")))


def _walk_nodes(root: Mapping[str, Any], form: NodeForm) -> Iterator[NodeOccurrence]:
    """Every occurrence, without recursion: a file may be nested deeply."""
    waiting: list[tuple[NodeOccurrence, Mapping[str, Any]]] = [
        (NodeOccurrence("0001", str(root[form.label]), None, None, None), root)
    ]
    while waiting:
        node, content = waiting.pop()
        yield node
        below = [(child, relation) for key, relation in _relations_in_order(content, form) for child in content[key]]
        for n, (child, relation) in reversed(list(enumerate(below, 1))):
            path = f"{node.path}/{n:04d}"
            waiting.append((NodeOccurrence(path, str(child[form.label]), node.path, node.label, relation), child))


def _relations_in_order(content: Mapping[str, Any], form: NodeForm) -> list[tuple[str, str]]:
    """The keys of a node that hold children, as they stand there, each with its relation."""
    return [(key, form.relations[key]) for key in content if key in form.relations and content[key]]


def _named_mid(
    node: NodeOccurrence,
    by_name: Mapping[str, Sequence[str]],
    boxable: set[str],
    reviewed: Sequence[HierarchyName],
) -> str | None:
    for entry in reviewed:
        if entry.name == node.label and entry.mid in boxable and entry.parent in (None, node.parent_label):
            return entry.mid
    candidates = by_name.get(node.label, [])
    return candidates[0] if len(candidates) == 1 else None
