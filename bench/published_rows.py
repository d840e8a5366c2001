"""What a script for Open Images reads: the boxable images of V7, their boxes and labels, as lists and dicts of Python.

Needs the standard library alone, since peers of other environments import it.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SUBSETS = ("train", "validation", "test")
IMAGES = {
    "train": "2018_04/train/train-images-boxable-with-rotation.csv",
    "validation": "2018_04/validation/validation-images-with-rotation.csv",
    "test": "2018_04/test/test-images-with-rotation.csv",
}
BOXES = {
    "train": "v6/oidv6-train-annotations-bbox.csv",
    "validation": "v5/validation-annotations-bbox.csv",
    "test": "v5/test-annotations-bbox.csv",
}
LABELS = "v5/{}-annotations-human-imagelabels-boxable.csv"
CLASSES = "v7/oidv7-class-descriptions-boxable.csv"
# All files of V7 with rows of images, boxes or labels but for the excerpts of labels.
NAMING_IMAGES = (
    "2018_04/image_ids_and_rotation.csv",
    "v6/oidv6-train-images-with-labels-with-rotation.csv",
    *IMAGES.values(),
    *BOXES.values(),
    *(
        f"v7/oidv7-{part}-annotations-{by}-imagelabels.csv"
        for part in ("train", "val", "test")
        for by in ("human", "machine")
    ),
)
SIZES = "sizes.csv"
SIDES = ("XMin", "YMin", "XMax", "YMax")
ATTRIBUTES = ("IsOccluded", "IsTruncated", "IsGroupOf", "IsDepiction", "IsInside")

Row = list[str]


def read_rows(path: Path) -> tuple[dict[str, int], Iterator[Row]]:
    """The place of each column, and the rows below the header."""
    with path.open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file))
    return {name: place for place, name in enumerate(header)}, _rows_below(path)


def _rows_below(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        yield from rows


def class_names(landing: Path) -> dict[str, str]:
    """MID -> name of the boxable classes, in the order of the file."""
    _, rows = read_rows(landing / CLASSES)
    return {mid: name for mid, name, *_ in rows}


def image_sizes(landing: Path) -> dict[str, tuple[int, int]]:
    """Image ID -> width and height."""
    _, rows = read_rows(landing / SIZES)
    return {image: (int(width), int(height)) for image, width, height in rows}


def boxes_by_image(landing: Path, subset: str) -> dict[str, list[dict[str, Any]]]:
    """Image ID -> its boxes: MID, sides as fractions, attributes."""
    places, rows = read_rows(landing / BOXES[subset])
    boxes = defaultdict(list)
    for row in rows:
        box: dict[str, Any] = {"mid": row[places["LabelName"]]}
        box |= {side: float(row[places[side]]) for side in SIDES}
        box |= {name: int(row[places[name]]) for name in ATTRIBUTES}
        boxes[row[0]].append(box)
    return boxes


def labels_by_image(landing: Path, subset: str) -> dict[str, dict[str, bool]]:
    """Image ID -> MID -> whether people see the class there."""
    places, rows = read_rows(landing / LABELS.format(subset))
    labels: dict[str, dict[str, bool]] = defaultdict(dict)
    for row in rows:
        labels[row[0]][row[places["LabelName"]]] = float(row[places["Confidence"]]) == 1
    return labels
