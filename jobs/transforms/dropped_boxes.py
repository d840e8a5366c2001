"""Boxes without those that corrections leave out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from oilake.jobs.transforms.box_changes import COORDINATES
from oilake.jobs.transforms.image_runs import ImageRuns, Numbers
from oilake.jobs.transforms.words import DROP_BOX
from oilake.quality.row_expectations import RowMask


class DroppedBox(NamedTuple):
    """A published box that is left out: its image ID as a number, its MID, and its edges as published."""

    image: int
    mid: str
    x_min: float
    x_max: float
    y_min: float
    y_max: float


def dropped_boxes(records: Iterable[Mapping[str, Any]]) -> dict[str, frozenset[DroppedBox]]:
    """By subset the boxes that rows of `corrections` leave out."""
    dropped: dict[str, set[DroppedBox]] = {}
    for record in records:
        if record["kind"] == DROP_BOX and record["is_applied"]:
            edges = (record["published_box"][name] for name in COORDINATES)
            dropped.setdefault(record["subset"], set()).add(
                DroppedBox(int(record["image_id"], 16), record["mid"], *edges)
            )
    return {subset: frozenset(boxes) for subset, boxes in dropped.items()}


def leave_out(part: ImageRuns, dropped: frozenset[DroppedBox]) -> ImageRuns:
    """The rows of boxes without the dropped ones; `part` with mid and the edges."""
    is_kept = are_kept(np.repeat(part.images, part.lengths), part.rows, dropped)
    if is_kept.all():
        return part
    lengths = np.add.reduceat(is_kept.astype(np.int64), np.cumsum(part.lengths) - part.lengths)
    return ImageRuns(part.rows.filter(pa.array(is_kept)), part.images[lengths > 0], lengths[lengths > 0])


def are_kept(images: Numbers, rows: pa.Table | pa.RecordBatch, dropped: frozenset[DroppedBox]) -> RowMask:
    """Which boxes no correction leaves out, shape (rows,); `images`: their IDs as numbers, `rows` with mid and the edges."""
    is_kept = np.ones(len(images), np.bool_)
    near = np.flatnonzero(np.isin(images, np.array([box.image for box in dropped], np.uint64)))
    records = rows.select(["mid", *COORDINATES]).take(pa.array(near)).to_pylist()
    is_kept[near] = [
        DroppedBox(int(image), *record.values()) not in dropped
        for image, record in zip(images[near], records, strict=True)
    ]
    return is_kept
