"""Both forms of the hierarchy, by name and by MID: every occurrence is a row, and the closure counts each edge once."""

from __future__ import annotations

import csv
import io
import json
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from oilake.conf import hierarchy_names
from oilake.jobs.sources import class_lists
from oilake.jobs.transforms.class_ancestors import ancestor_pairs, subcategory_edges
from oilake.jobs.transforms.classes import join_lists
from oilake.jobs.transforms.hierarchy import hierarchy_rows

CAR, VAN, WHEEL, TYRE = "/m/0k4j", "/m/0h2r6", "/m/083wq", "/m/0h9mv"
CLASSES = join_lists({CAR: "Car", VAN: "Van", WHEEL: "Wheel", TYRE: "Tyre"}, {"boxable": [CAR, VAN, WHEEL, TYRE]})
WHEEL_NODE = {"LabelName": WHEEL, "Subcategory": [{"LabelName": TYRE}]}
TREE = {
    "LabelName": "/m/0bl9f",
    "Subcategory": [
        {"LabelName": CAR, "Part": [WHEEL_NODE], "Subcategory": [{"LabelName": VAN}]},
        WHEEL_NODE,
        {"LabelName": CAR, "Part": [WHEEL_NODE], "Subcategory": [{"LabelName": VAN}]},
    ],
}

Edge = tuple[str, str | None, str | None]


def rows_of(document: Any, classes: pa.Table = CLASSES) -> list[dict[str, Any]]:
    document = class_lists.parse_hierarchy(json.dumps(document).encode(), "tree.json")
    rows: list[dict[str, Any]] = hierarchy_rows(document, classes, hierarchy_names.load_reviewed_names()).to_pylist()
    return rows


def occurrences(node: dict[str, Any], relations: dict[str, str], parent: Edge | None = None) -> Iterator[Edge]:
    """(label, its parent's, the relation) of every node, by recursion and without our code."""
    label = node.get("LabelName") or node["name"]
    yield parent or (label, None, None)
    for key, relation in relations.items():
        for child in node.get(key, []):
            yield from occurrences(child, relations, (child.get("LabelName") or child.get("name"), label, relation))


def closure(edges: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The transitive closure, by joining until nothing comes to it."""
    pairs = set(edges)
    while more := {(a, d) for a, b in pairs for c, d in edges if b == c} - pairs:
        pairs |= more
    return pairs


def test_every_occurrence_stands_by_its_path_with_its_relation():
    rows = rows_of(TREE)
    assert [(r["path"], r["mid"], r["name"], r["relation"], r["depth"]) for r in rows] == [
        ("0001", "/m/0bl9f", None, None, 0),
        ("0001/0001", CAR, "Car", "subcategory", 1),
        ("0001/0001/0001", WHEEL, "Wheel", "part", 2),
        ("0001/0001/0001/0001", TYRE, "Tyre", "subcategory", 3),
        ("0001/0001/0002", VAN, "Van", "subcategory", 2),
        ("0001/0002", WHEEL, "Wheel", "subcategory", 1),
        ("0001/0002/0001", TYRE, "Tyre", "subcategory", 2),
        ("0001/0003", CAR, "Car", "subcategory", 1),
        ("0001/0003/0001", WHEEL, "Wheel", "part", 2),
        ("0001/0003/0001/0001", TYRE, "Tyre", "subcategory", 3),
        ("0001/0003/0002", VAN, "Van", "subcategory", 2),
    ]
    assert {row["parent_path"] for row in rows} <= {None, *(row["path"] for row in rows)}


def test_edges_that_stand_several_times_count_once_and_parts_imply_nothing():
    rows = rows_of(TREE)
    root = "/m/0bl9f"
    assert subcategory_edges(rows) == {(CAR, root), (VAN, CAR), (WHEEL, root), (TYRE, WHEEL)}
    assert ancestor_pairs(rows) == {(CAR, root), (VAN, CAR), (VAN, root), (WHEEL, root), (TYRE, WHEEL), (TYRE, root)}


def test_a_parent_that_one_occurrence_lacks_is_known_from_the_other():
    """A repeated node may be written without its children: the closure is that of the edges, not of the places."""
    van = {"LabelName": VAN, "Subcategory": [{"LabelName": WHEEL}]}
    tree = {"LabelName": CAR, "Subcategory": [van, WHEEL_NODE]}
    assert (TYRE, VAN) in ancestor_pairs(rows_of(tree))


def test_edges_that_form_a_circle_end():
    tree = {"LabelName": CAR, "Subcategory": [{"LabelName": VAN, "Subcategory": [{"LabelName": CAR}]}]}
    assert ancestor_pairs(rows_of(tree)) == {(CAR, VAN), (VAN, CAR)}


@pytest.mark.real
def test_the_hierarchy_by_mid_is_whole(real: Path):
    data = (real / "2018_04" / "bbox_labels_600_hierarchy.json").read_bytes()
    names = dict(csv.reader(io.StringIO((real / "2018_04" / "class-descriptions.csv").read_text(), newline="")))
    rows = rows_of(json.loads(data), join_lists(dict(names), {}))
    mid_of = {row["path"]: row["mid"] for row in rows}
    theirs = Counter(occurrences(json.loads(data), {"Subcategory": "subcategory", "Part": "part"}))
    assert Counter((r["mid"], mid_of.get(r["parent_path"]), r["relation"]) for r in rows) == theirs
    assert (len(rows), len(set(mid_of.values())), len(theirs) - 1) == (848, 602, 685)
    assert Counter(row["relation"] for row in rows) == {"subcategory": 794, "part": 53, None: 1}
    assert {row["mid"] for row in rows if row["name"] is None} == {"/m/0bl9f"}
    assert all(row["name"] == names[row["mid"]] for row in rows[1:])
    edges = {(below, above) for below, above, relation in theirs if relation == "subcategory" and above}
    assert subcategory_edges(rows) == edges
    assert ancestor_pairs(rows) == closure(edges)


@pytest.mark.real
def test_the_hierarchy_by_name_is_whole(real: Path):
    with tarfile.open(real / "2017_11" / "classes_2017_11.tar.gz") as archive:
        texts = {m.name.split("/")[-1]: archive.extractfile(m).read().decode() for m in archive}  # type: ignore[union-attr]
    names = dict(csv.reader(io.StringIO(texts["class-descriptions.csv"], newline="")))
    document = json.loads((real / "2017_11" / "bbox_hierarchy.json").read_text())
    rows = rows_of(document, join_lists(dict(names), {"boxable": texts["classes-bbox.txt"].split()}))
    name_of = {row["path"]: row["name"] for row in rows}
    theirs = Counter(occurrences(document, {"children": "subcategory"}))
    assert Counter((r["name"], name_of.get(r["parent_path"]), r["relation"]) for r in rows) == theirs
    assert len(rows) == 693
    of_mid = {row["path"]: row["mid"] or f"{row['name']} at {row['path']}" for row in rows}
    edges = {(of_mid[row["path"]], of_mid[row["parent_path"]]) for row in rows if row["parent_path"]}
    assert ancestor_pairs(rows) == {pair for pair in closure(edges) if all(m.startswith("/m/") for m in pair)}
