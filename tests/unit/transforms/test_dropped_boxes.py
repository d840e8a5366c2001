"""Boxes that corrections leave out, among others of the same images."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oilake.jobs.transforms.box_changes import COORDINATES
from oilake.jobs.transforms.dropped_boxes import DroppedBox, dropped_boxes, leave_out
from oilake.jobs.transforms.image_runs import ImageRuns

DOG, CAT = "/m/0bt9lr", "/m/01yrx"
box = st.builds(
    lambda image, mid, edge: DroppedBox(image, mid, edge, 1.0, 0.0, 1.0),
    st.sampled_from([0, 7, (1 << 64) - 1]),
    st.sampled_from([DOG, CAT]),
    st.sampled_from([0.0, 0.1, 0.1 + 1e-9]),
)


@pytest.mark.lengthy
@given(st.lists(box, max_size=20), st.frozensets(box, max_size=4))
def test_what_is_left_is_every_other_box_in_its_order(boxes: list[DroppedBox], dropped: frozenset[DroppedBox]):
    ordered = sorted(boxes, key=lambda row: row.image)
    columns = {"mid": [row.mid for row in ordered]} | {
        name: [getattr(row, name) for row in ordered] for name in COORDINATES
    }
    images = np.array([row.image for row in ordered], np.uint64)  # a run a row, as files may be joined
    part = ImageRuns(pa.table(columns), images, np.ones(len(ordered), np.int64))
    left = leave_out(part, dropped)
    told = [
        DroppedBox(int(image), *row.values())
        for image, row in zip(np.repeat(left.images, left.lengths), left.rows.to_pylist(), strict=True)
    ]
    assert told == [row for row in ordered if row not in dropped]


def test_only_applied_rows_about_boxes_drop_any():
    edges = dict(zip(COORDINATES, (0.0, 0.5, 0.25, 1.0), strict=True))
    row = {"image_id": "00000000000000a1", "mid": DOG, "kind": "drop_box", "is_applied": True, "subset": "test"}
    row["published_box"] = edges
    rows = [row, row, {**row, "is_applied": False, "subset": "train"}, {**row, "kind": "verdict", "subset": "train"}]
    assert dropped_boxes(rows) == {"test": frozenset({DroppedBox(0xA1, DOG, 0.0, 0.5, 0.25, 1.0)})}
