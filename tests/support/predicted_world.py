"""Random images with boxes or relationships, and what a model might say of them: a published release, and CSV files."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from oilake.jobs.tables.snapshots import INGEST
from tests.support.view_lake import EDGES, FLAGS, Row, make_tables, publish_rows

RELEASE, SUBSET = "v7", "validation"
TYPES = ("at", "holds", "on")
PUBLISHED = ("XMin", "XMax", "YMin", "YMax")
Numbers = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


class Tree(NamedTuple):
    """Classes of which each has one parent or none; `parents`: its number, -1 for none."""

    mids: list[str]
    parents: list[int]

    def published(self, node: int = -1) -> dict[str, object]:
        """The hierarchy as its file has it."""
        below = [n for n, parent in enumerate(self.parents) if parent == node]
        name = {"LabelName": self.mids[node] if node >= 0 else "/m/0bl9f"}
        return name | ({"Subcategory": [self.published(n) for n in below]} if below else {})

    def rows(self) -> list[Row]:
        """Rows of `hierarchy`."""
        paths: list[str] = []
        for n, parent in enumerate(self.parents):
            paths.append(f"{paths[parent] if parent >= 0 else '0000'}/{n:04}")
        root: Row = {"release": RELEASE, "path": "0000", "depth": 0}
        return [root] + [
            {
                "release": RELEASE, "path": path, "parent_path": path.rpartition("/")[0], "mid": mid, "name": mid,
                "relation": "subcategory", "depth": path.count("/"),
            }
            for path, mid in zip(paths, self.mids, strict=True)
        ]  # fmt: skip


def class_tree(count: int, is_flat: bool = False) -> Tree:
    """So many classes, three below each of those that have any, or none below another."""
    return Tree([f"/m/0{n:05x}" for n in range(count)], [-1 if is_flat else n // 3 - 1 for n in range(count)])


def random_edges(random: np.random.Generator, count: int) -> Numbers:
    """Boxes as x_min, x_max, y_min, y_max with six digits, shape (count, 4)."""
    low, size = random.uniform(0, 0.7, (count, 2)), random.uniform(0.05, 0.3, (count, 2))
    return np.round(np.stack([low, low + size], axis=2).reshape(count, 4), 6)


def moved_edges(random: np.random.Generator, edges: Numbers) -> Numbers:
    """Boxes near others: some overlap them by more than half, some by less."""
    moved = np.clip(edges + random.normal(0, 0.02, edges.shape), 0, 1)
    ordered = np.sort(moved.reshape(-1, 2, 2), axis=2).reshape(-1, 4)
    return np.round(ordered, 6)


def image_names(images: Codes) -> list[str]:
    """Image IDs."""
    return [f"{n:016x}" for n in images.tolist()]


def write_world(folder: Path, images: int, classes: int, seed: int, is_flat: bool = False) -> str:
    """Writes boxes.csv, labels.csv, hierarchy.json, classes.txt and predictions.csv, four times as many as boxes, into a
    folder, and the release into the warehouse below it, whose place is returned."""
    random, tree = np.random.default_rng(seed), class_tree(classes, is_flat)
    owners = np.sort(random.integers(0, images, 7 * images))
    mids, edges = random.integers(0, classes, len(owners)), random_edges(random, len(owners))
    groups = random.random(len(owners)) < 0.1
    names, sides = image_names(owners), edges.tolist()
    boxes: list[Row] = [
        {"image_id": name, "mid": tree.mids[mid], "is_group_of": bool(group), **dict(zip(EDGES, four, strict=True))}
        for name, mid, group, four in zip(names, mids.tolist(), groups.tolist(), sides, strict=True)
    ]
    labels = random_labels(random, tree, images, zip(owners.tolist(), mids.tolist(), strict=True))
    header = ["ImageID", "Source", "LabelName", "Confidence", *PUBLISHED]
    header += ["IsOccluded", "IsTruncated", "IsGroupOf", "IsDepiction", "IsInside"]
    write_rows(
        folder / "boxes.csv", header,
        ([box["image_id"], "xclick", box["mid"], 1, *four, 0, 0, int(box["is_group_of"]), 0, 0]
         for box, four in zip(boxes, sides, strict=True)),
    )  # fmt: skip
    (folder / "hierarchy.json").write_text(json.dumps(tree.published()))
    near = random.integers(0, len(owners), 2 * len(owners))
    parents = np.array([max(parent, 0) for parent in tree.parents])[mids[near]]
    said = np.where(random.random(len(near)) < 0.3, parents, mids[near])
    all_images = np.concatenate([owners[near], random.integers(0, images + 5, 2 * len(owners))])
    all_mids = np.concatenate([said, random.integers(0, classes, 2 * len(owners))])
    all_edges = np.concatenate([moved_edges(random, edges[near]), random_edges(random, 2 * len(owners))])
    claims = zip(
        image_names(all_images), all_mids.tolist(), scores(random, len(all_images)), all_edges.tolist(), strict=True
    )
    write_rows(
        folder / "predictions.csv",
        ["ImageID", "LabelName", "Score", *PUBLISHED],
        ([name, tree.mids[mid], score, *four] for name, mid, score, four in claims),
    )
    plain = {"source": "xclick", "confidence": 1.0, **dict.fromkeys(FLAGS, False)}
    return publish_world(folder, tree, labels, {"boxes": [plain | box for box in boxes]})


def write_relationships(folder: Path, images: int, classes: int, seed: int) -> str:
    """As `write_world`, of relationships.csv; a positive label is of a class that a relationship of the image names."""
    random, tree = np.random.default_rng(seed), class_tree(classes)
    owners = np.sort(random.integers(0, images, 4 * images))
    firsts, seconds = random.integers(0, classes, (2, len(owners)))
    kinds = random.integers(0, len(TYPES), len(owners))
    left, right = random_edges(random, len(owners)), random_edges(random, len(owners))
    names = ["ImageID", "LabelName1", "LabelName2", *(f"{edge}1" for edge in PUBLISHED)]
    names += [*(f"{edge}2" for edge in PUBLISHED), "RelationshipLabel"]

    def lines(places: Codes, sides: Sequence[Numbers]) -> list[list[object]]:
        columns = (owners[places], firsts[places], seconds[places], kinds[places])
        return [
            [f"{image:016x}", tree.mids[first], tree.mids[second], *four, *other, TYPES[kind]]
            for (image, first, second, kind), four, other in zip(
                np.stack(columns, axis=1).tolist(), sides[0].tolist(), sides[1].tolist(), strict=True
            )
        ]

    truths = lines(np.arange(len(owners)), (left, right))
    write_rows(folder / "relationships.csv", names, truths)
    pairs = [(int(n), int(mid)) for column in (firsts, seconds) for n, mid in zip(owners, column, strict=True)]
    labels = random_labels(random, tree, images, pairs, others=False)
    near = random.integers(0, len(owners), 20 * len(owners))
    right_ones = lines(near, (moved_edges(random, left[near]), moved_edges(random, right[near])))
    for line in right_ones[::3]:
        line[1:3] = [tree.mids[n] for n in random.integers(0, classes, 2)]
    claims = zip(right_ones, scores(random, len(right_ones)), strict=True)
    write_rows(folder / "predictions.csv", [*names, "Score"], ([*line, score] for line, score in claims))
    columns = ["image_id", "mid_1", "mid_2", *(f"{e}_1" for e in EDGES), *(f"{e}_2" for e in EDGES), "relationship"]
    rows = [dict(zip(columns, line, strict=True)) | {"is_attribute": False} for line in truths]
    return publish_world(folder, tree, labels, {"relationships": rows})


def random_labels(
    random: np.random.Generator, tree: Tree, images: int, marked: Iterable[tuple[int, int]], others: bool = True
) -> dict[tuple[int, int], bool]:
    """By (image, class), whether people confirm it: all marks, and denied classes; `others`: and some without a mark."""

    def random_pairs(count: int) -> list[tuple[int, int]]:
        return list(map(tuple, random.integers(0, (images, len(tree.mids)), (count, 2)).tolist()))

    labels = dict.fromkeys(random_pairs(2 * images), False)
    if others:
        labels |= dict.fromkeys(random_pairs(images), True)
    return labels | dict.fromkeys(marked, True)


def scores(random: np.random.Generator, count: int) -> list[float]:
    """Scores of which no two are equal."""
    ranks: list[float] = ((random.permutation(count) + 1) / (count + 1)).tolist()
    return ranks


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def publish_world(folder: Path, tree: Tree, labels: dict[tuple[int, int], bool], marks: dict[str, list[Row]]) -> str:
    """Writes labels.csv and classes.txt, and publishes the release."""
    ordered = sorted(labels.items())
    (folder / "classes.txt").write_text("\n".join(tree.mids))
    write_rows(
        folder / "labels.csv",
        ["ImageID", "Source", "LabelName", "Confidence"],
        ([f"{n:016x}", "verification", tree.mids[mid], int(is_there)] for (n, mid), is_there in ordered),
    )
    place = make_tables(str(folder / "warehouse"))
    classes = [
        {"release": RELEASE, "mid": mid, "display_name": mid, "name": mid, "is_boxable": True, "freebase_id": mid[1:]}
        for mid in tree.mids
    ]
    slice_of = {"release": RELEASE, "subset": SUBSET}
    published = {name: [slice_of | row for row in rows] for name, rows in marks.items()}
    publish_rows(place, RELEASE, INGEST, {**published, "classes": classes, "hierarchy": tree.rows()})
    said = [
        {
            **slice_of, "image_id": f"{n:016x}", "mid": tree.mids[mid], "display_name": tree.mids[mid],
            "human_verdict": is_there, "verdict": "positive" if is_there else "negative", "decided_by": "human",
            "is_conflict": False, "observations": 1, "extra_observations": [],
        }
        for (n, mid), is_there in ordered
    ]  # fmt: skip
    publish_rows(place, RELEASE, "reconcile", {"image_labels": said})
    return place
