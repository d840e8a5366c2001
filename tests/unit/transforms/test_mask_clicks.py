"""Clicks of masks: every way in which one can be written, and none that could be read as another."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oilake.jobs.transforms.mask_clicks import read_clicks

CLICK = {"x": 0.1, "y": 0.5, "is_object": True}


@pytest.mark.parametrize("text", ["0.10000 0.50000 1", "0.1 0.5 1;", " .1  5e-1 1 ; ", "+0.1 0.5 1"])
def test_one_click_is_read_in_every_form(text: str):
    clicks, bad = read_clicks(pa.array([text]))
    assert (clicks.to_pylist(), bad.tolist()) == ([[CLICK]], [False])


@pytest.mark.parametrize(
    "text",
    ["0.1 0.5", "0.1 0.5 1 1", "0.1 0.5 2", "0.1 0.5 1.0", "0.1,0.5,1", "nan 0.5 1", "inf 0.5 1", "0.1 0.5 1;;0.1 0.5 1",
     ";", "", "0.1\t0.5 1", "0.1 0.5 1\n", "1e999 0.5 1"],
)  # fmt: skip
def test_what_is_no_list_of_clicks_is_marked_and_null(text: str):
    clicks, bad = read_clicks(pa.array(["0.1 0.5 1", text, "0.1 0.5 1"]))
    assert clicks.to_pylist() == [[CLICK], None, [CLICK]]
    assert bad.tolist() == [False, True, False]


def test_no_text_is_no_click_and_no_fault():
    clicks, bad = read_clicks(pa.array([None, "0.1 0.5 1;0.25 1 0", None], pa.string()))
    assert clicks.to_pylist() == [None, [CLICK, {"x": 0.25, "y": 1.0, "is_object": False}], None]
    assert not bad.any()
    assert read_clicks(pa.array([], pa.string()))[0].to_pylist() == []
    assert read_clicks(pa.nulls(2, pa.string()))[0].to_pylist() == [None, None]


@given(st.lists(st.none() | st.lists(st.tuples(*[st.floats(-9, 9)] * 2, st.booleans()), min_size=1), max_size=5))
def test_what_was_written_is_read(written: list[list[tuple[float, float, bool]] | None]):
    texts = [row and ";".join(f"{x!r} {y!r} {int(kind)}" for x, y, kind in row) for row in written]
    clicks, bad = read_clicks(pa.array(texts, pa.string()).slice(0))
    assert not bad.any()
    assert clicks.to_pylist() == [
        row and [{"x": x, "y": y, "is_object": kind} for x, y, kind in row] for row in written
    ]
