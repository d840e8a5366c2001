"""Reads the plain files of V4 and later as a stranger would: csv and json, nothing of the generator."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

SUBSETS = ("train", "validation", "test")
IMAGES = "2018_04/image_ids_and_rotation.csv"
_V4 = "2018_04/{0}/{0}-annotations-"
_V5 = "v5/{0}-annotations-"
HUMAN = {
    "v4": dict.fromkeys(SUBSETS, _V4 + "human-imagelabels.csv"),
    "v5": dict.fromkeys(SUBSETS, _V5 + "human-imagelabels.csv"),
    "v6": {"train": "v6/oidv6-train-annotations-human-imagelabels.csv"},
    "v7": {
        "train": "v7/oidv7-train-annotations-human-imagelabels.csv",
        "validation": "v7/oidv7-val-annotations-human-imagelabels.csv",
        "test": "v7/oidv7-test-annotations-human-imagelabels.csv",
    },
}
MACHINE = {
    "v4": dict.fromkeys(SUBSETS, _V4 + "machine-imagelabels.csv"),
    "v5": dict.fromkeys(SUBSETS, _V5 + "machine-imagelabels.csv"),
    "v7": {subset: name.replace("human", "machine") for subset, name in HUMAN["v7"].items()},
}
BOXES = {
    "v4": dict.fromkeys(SUBSETS, _V4 + "bbox.csv"),
    "v5": dict.fromkeys(SUBSETS[1:], _V5 + "bbox.csv"),
    "v6": {"train": "v6/oidv6-train-annotations-bbox.csv"},
}
DESCRIPTIONS = {
    "v4": "2018_04/class-descriptions.csv",
    "v5": "v5/class-descriptions.csv",
    "v6": "v6/oidv6-class-descriptions.csv",
    "v7": "v7/oidv7-class-descriptions.csv",
}
SIDES = ("XMin", "XMax", "YMin", "YMax")

Row = dict[str, str]
Pair = tuple[str, str]
Box = tuple[float, float, float, float]


def file_of(names: dict[str, dict[str, str]], release: str, subset: str) -> str:
    """The file of a release, which may be that of an earlier one."""
    owner = max(name for name, files in names.items() if name <= release and subset in files)
    return names[owner][subset].format(subset)


def rows(sample: Path, name: str) -> list[Row]:
    """Every row of one file, by column."""
    with open(sample / name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def class_names(sample: Path, release: str) -> dict[str, str]:
    """MID -> name, without the blanks around it."""
    with open(sample / DESCRIPTIONS[release], newline="", encoding="utf-8") as file:
        records = [record for record in csv.reader(file) if record != ["LabelName", "DisplayName"]]
    return {mid: name.strip() for mid, name in records}


def verdicts(sample: Path, release: str, subset: str) -> dict[Pair, str]:
    """yes or no of every pair; no pair stands twice."""
    labels = rows(sample, file_of(HUMAN, release, subset))
    answers = {(row["ImageID"], row["LabelName"]): "yes" if float(row["Confidence"]) else "no" for row in labels}
    assert len(answers) == len(labels)
    return answers


def boxes(sample: Path, release: str, subset: str) -> dict[Pair, list[Box]]:
    """The sides of every pair's boxes, in the order of the file."""
    sides: dict[Pair, list[Box]] = defaultdict(list)
    for row in rows(sample, file_of(BOXES, release, subset)):
        x_min, x_max, y_min, y_max = (float(row[name]) for name in SIDES)
        sides[row["ImageID"], row["LabelName"]].append((x_min, x_max, y_min, y_max))
    return sides


def recount(sample: Path, release: str) -> dict[str, dict[str, int]]:
    """The figures of a release by subset, counted row by row."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    counts["images"] = Counter(row["Subset"] for row in rows(sample, IMAGES))
    for subset in SUBSETS:
        answers = Counter(verdicts(sample, release, subset).values())
        counts["human_labels_positive"][subset] = answers["yes"]
        counts["human_labels_negative"][subset] = answers["no"]
        counts["machine_labels"][subset] = len(rows(sample, file_of(MACHINE, release, subset)))
        boxed = boxes(sample, release, subset)
        counts["boxes"][subset] = sum(map(len, boxed.values()))
        counts["images_with_boxes"][subset] = len({image for image, _ in boxed})
    return {name: dict(by_subset) for name, by_subset in counts.items()}


def tree(sample: Path) -> dict[str, Any]:
    """The nested hierarchy of V4 and later."""
    document: dict[str, Any] = json.loads((sample / "2018_04/bbox_labels_600_hierarchy.json").read_text())
    return document


def edges(node: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(kind, parent, child) of every edge, as often as it stands there."""
    for kind in ("Subcategory", "Part"):
        for child in node.get(kind, []):
            yield kind, node["LabelName"], child["LabelName"]
            yield from edges(child)


def descendants(sample: Path) -> dict[str, set[str]]:
    """The classes below each class by subcategories alone."""
    children: dict[str, set[str]] = defaultdict(set)
    for kind, parent, child in edges(tree(sample)):
        if kind == "Subcategory":
            children[parent].add(child)
    below: dict[str, set[str]] = {}

    def collect(mid: str) -> set[str]:
        if mid not in below:
            below[mid] = children[mid].union(*map(collect, children[mid]))
        return below[mid]

    for mid in list(children):
        collect(mid)
    return below


def iou(one: Box, other: Box) -> float:
    """Shared area over the area that both cover."""
    width = min(one[1], other[1]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[2], other[2])
    shared = max(width, 0) * max(height, 0)
    return shared / ((one[1] - one[0]) * (one[3] - one[2]) + (other[1] - other[0]) * (other[3] - other[2]) - shared)


def greatest_sum(before: list[Box], after: list[Box]) -> float:
    """The greatest sum of IoUs of at least a half, one to one, by trying all ways out."""
    few, many = sorted((before, after), key=len)
    overlaps = [[value if (value := iou(one, other)) >= 0.5 else 0.0 for other in many] for one in few]
    return max(sum(overlaps[n][m] for n, m in enumerate(order)) for order in permutations(range(len(many)), len(few)))


def is_spare(line: bytes) -> bool:
    """Whether a narrative is there so that few of its file are bad: by an annotator whom a clean sample has not."""
    return re.search(rb'"annotator_id": \d{3}', line) is not None


def spare_lines(folder: Path, name: str) -> int:
    """How many spare narratives a file holds, the planted lines left out."""
    if not name.endswith(".jsonl"):
        return 0
    with open(folder / "truth" / "defects.csv", newline="") as file:
        bad = {int(row["line"]) - 1 for row in csv.DictReader(file) if row["file"] == name}
    lines = (folder / name).read_bytes().splitlines()
    return sum(is_spare(line) for n, line in enumerate(lines) if n not in bad)
