"""What became of every box: the rows beside the plain words of the schema, on few boxes that Hypothesis thinks up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oilake.jobs.transforms import box_changes, image_runs
from oilake.jobs.transforms.box_changes import ATTRIBUTES, COORDINATES
from oilake.jobs.transforms.class_vocabulary import build_vocabulary
from oilake.jobs.transforms.image_runs import ImageRuns
from oilake.jobs.transforms.release_diff import FROM, TO, side_name
from oilake.schemas import loader as schemas
from tests.support.releases import CAT, DOG

pytestmark = pytest.mark.lengthy

IMAGES = ("0000000000000001", "7fffffffffffffff", "ffffffffffffffff")
SUBSET = {IMAGES[0]: "train", IMAGES[1]: "validation", IMAGES[2]: "test"}
SPANS = st.sampled_from([(0.0, 0.5), (0.0, 0.6), (0.1, 0.6), (0.4, 1.0), (0.2, 0.2)])
ROWS = st.builds(
    lambda image, mid, x, y, source, attributes: {
        "image_id": image,
        "mid": mid,
        "source": source,
        **dict(zip(COORDINATES, (*x, *y), strict=True)),
        **dict(zip(ATTRIBUTES, attributes, strict=True)),
    },
    st.sampled_from(IMAGES),
    st.sampled_from([DOG, CAT, "/g/11b"]),
    SPANS,
    SPANS,
    st.sampled_from(["xclick", "freeform", "activemil"]),
    st.tuples(*[st.sampled_from([None, True, False])] * len(ATTRIBUTES)),
)
BOXES = st.lists(ROWS, max_size=8)

Row = dict[str, Any]


def in_batches(rows: Sequence[Row], size: int) -> ImageRuns:
    text = pa.dictionary(pa.int32(), pa.string())
    types = dict.fromkeys(COORDINATES, pa.float64()) | dict.fromkeys(ATTRIBUTES, pa.bool_())
    schema = pa.schema([("image_id", pa.string()), *((name, types.get(name, text)) for name in box_changes.COLUMNS)])
    ordered = iter(sorted(rows, key=lambda row: row["image_id"]))
    batches = iter(lambda: list(islice(ordered, size)), [])
    return image_runs.join_runs(
        [image_runs.runs_of_batch(pa.RecordBatch.from_pylist(batch, schema=schema)) for batch in batches]
    )


def sided(before: Sequence[Row], after: Sequence[Row], size: int) -> dict[str, ImageRuns]:
    chunk = {}
    for role, rows in ((FROM, before), (TO, after)):
        for subset in SUBSET.values():
            if of_subset := [row for row in rows if SUBSET[row["image_id"]] == subset]:
                chunk[side_name(role, subset)] = in_batches(of_subset, size)
    return chunk


def compare(before: Sequence[Row], after: Sequence[Row], size: int = 3) -> list[Row]:
    chunk = sided(before, after, size)
    if not chunk:
        return []
    listed = [{"mid": DOG, "display_name": None, "is_trainable": None, "is_boxable": None}]
    found = box_changes.compare_boxes(chunk, build_vocabulary(listed), 0.5)
    assert found.cast(schemas.arrow_schema(schemas.table_schema("box_changes")))
    rows: list[Row] = found.to_pylist()
    return rows


def side(row: Row, role: str) -> tuple[Any, ...]:
    return (row["image_id"], row["mid"], *(row[f"{role}_{name}"] for name in ("source", *COORDINATES)))


def box(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("image_id", "mid", "source", *COORDINATES))


@given(BOXES, BOXES, st.integers(1, 7))
def test_every_box_of_both_releases_stands_in_one_row(before: list[Row], after: list[Row], size: int):
    found = compare(before, after, size)
    assert Counter(side(row, FROM) for row in found if row["change"] != "added") == Counter(map(box, before))
    assert Counter(side(row, TO) for row in found if row["change"] != "removed") == Counter(map(box, after))
    keys = [(row["image_id"], row["mid"]) for row in found]
    assert keys == sorted(keys)
    for row in found:
        is_both = row["change"] in ("unchanged", "redrawn")
        assert (row["iou"] is not None) == is_both
        edges = [[row[f"{role}_{name}"] for name in COORDINATES] for role in (FROM, TO)]
        assert (edges[0] == edges[1]) == (row["change"] == "unchanged")
        assert row["change"] != "redrawn" or 0.5 - 1e-9 <= row["iou"] <= 1
        for role, absent in ((FROM, "added"), (TO, "removed")):
            assert row[f"{role}_subset"] == (None if row["change"] == absent else SUBSET[row["image_id"]])


@given(BOXES, BOXES)
def test_neither_batches_nor_other_images_change_anything(before: list[Row], after: list[Row]):
    found = compare(before, after)
    assert compare(before, after, 1) == found
    by_image = [
        compare(*([row for row in rows if row["image_id"] == image] for rows in (before, after))) for image in IMAGES
    ]
    assert [row for rows in by_image for row in rows] == found


@given(BOXES, st.integers(1, 7))
def test_a_release_beside_itself_is_unchanged(rows: list[Row], size: int):
    found = compare(rows, rows, size)
    assert {row["change"] for row in found} <= {"unchanged"}
    assert all(row["attributes_changed"] == [] for row in found)


def test_redrawn_boxes_say_how_much_and_which_attributes_differ():
    plain = {"image_id": IMAGES[0], "mid": DOG, "source": "freeform", **dict.fromkeys(ATTRIBUTES)}
    there = [
        {**plain, "x_min": 0.1, "x_max": 0.5, "y_min": 0.1, "y_max": 0.5, "is_occluded": True, "is_inside": False},
        {**plain, "x_min": 0.0, "x_max": 0.1, "y_min": 0.0, "y_max": 0.1},
        {**plain, "x_min": 0.0, "x_max": 1.0, "y_min": 0.0, "y_max": 1.0},
    ]
    here = [
        {**plain, "x_min": 0.0, "x_max": 1.0, "y_min": 0.0, "y_max": 1.0, "source": "xclick"},
        {**there[0], "x_max": 0.4, "is_occluded": False, "is_truncated": True},
        {**plain, "x_min": 0.8, "x_max": 0.9, "y_min": 0.8, "y_max": 0.9},
    ]
    found = compare(there, here)
    assert [(row["change"], row["iou"] and round(row["iou"], 6), row["attributes_changed"]) for row in found] == [
        ("redrawn", 0.75, ["is_occluded"]),
        ("removed", None, []),
        ("unchanged", 1.0, []),
        ("added", None, []),
    ]
    assert [(row["from_source"], row["to_source"]) for row in found][2] == ("freeform", "xclick")


def test_repeated_boxes_meet_in_the_published_order():
    plain = {"image_id": IMAGES[0], "mid": DOG, **dict.fromkeys(ATTRIBUTES)}
    edges = {"x_min": 0.1, "x_max": 0.5, "y_min": 0.1, "y_max": 0.5}
    twice = [{**plain, **edges, "source": source} for source in ("xclick", "activemil")]
    once = {**plain, **edges, "x_max": 0.45, "source": "xclick"}
    found = compare(twice, [{**once, "source": "freeform"}])
    assert [(row["change"], row["from_source"], row["to_source"]) for row in found] == [
        ("redrawn", "xclick", "freeform"),
        ("removed", "activemil", None),
    ]
    assert [row["from_source"] for row in compare(twice, twice)] == ["xclick", "activemil"]
