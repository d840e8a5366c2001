"""Columns that V4 to V7 brought: rotation, the subset as a column, the four extreme points, and sources by subset."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pytest

from oilake.conf.registry import ExpectedMember, Member
from oilake.jobs.ingesting.chunk_kernel import normalize_member
from oilake.jobs.sources.csv_parser import Header, parse_block
from oilake.jobs.sources.csv_records import read_blocks
from oilake.jobs.transforms import boxes, images, labels
from oilake.jobs.transforms.extreme_points import X_CLICKS, Y_CLICKS
from oilake.jobs.transforms.normalized_batch import NormalizedBatch
from oilake.jobs.validation import row_filter
from oilake.schemas.release_registry import load_releases

RELEASES = load_releases()
CLICKS = (*X_CLICKS, *Y_CLICKS)
TYPES = {"images": images.TYPES, "labels": labels.TYPES, "boxes": boxes.TYPES}


def filtered(
    table: str,
    columns: Mapping[str, list[Any]],
    member: Member | None = None,
    release: str = "v4",
    subset: str | None = "train",
) -> tuple[list[dict[str, Any]], dict[int, list[str]], NormalizedBatch]:
    """(The kept rows, the reasons of the others by row, all of them normalized), of a CSV file of these columns."""
    lines = [",".join(text or "" for text in row) for row in zip(*columns.values(), strict=True)]
    block = next(read_blocks(io.BytesIO("\n".join(lines).encode()).read, 1 << 20))
    parsed = parse_block(block, Header(tuple(columns)), TYPES[table], 1 << 20)
    assert parsed.count == len(lines)
    member = member or Member(table, "x.csv", columns=table, subsets=(subset or "train",))
    expected = ExpectedMember(RELEASES[release].files[0], "x.csv", member, subset)
    batch = normalize_member(parsed.columns, expected, RELEASES[release])
    judged = row_filter.filter_rows(batch, row_filter.filter_expectations(table))
    return row_filter.kept_rows(batch.columns, judged.good).to_pylist(), judged.reasons, batch


def image_columns(rotations: list[str | None], subsets: list[str] | None = None) -> dict[str, list[Any]]:
    rows = len(rotations)
    links = dict.fromkeys(
        ("original_url", "original_landing_url", "license", "author_profile_url"), ["https://x/y"] * rows
    )
    ids = [f"{n + 0xA000000000000000:016x}" for n in range(rows)]
    columns = {"image_id": ids, "subset": subsets or ["train"] * rows, **links}
    return columns | {"author": ["A"] * rows, "title": ["T"] * rows, "rotation": rotations}


def box_columns(clicks: list[list[str | None]], sources: list[str] | None = None) -> dict[str, list[Any]]:
    """One box a list of eight clicks, all x before all y."""
    rows = len(clicks)
    edges = {"x_min": "0.1", "x_max": "0.9", "y_min": "0.2", "y_max": "0.8"}
    columns = {name: [text] * rows for name, text in {"mid": "/m/0bt9lr", "confidence": "1", **edges}.items()}
    columns |= {"image_id": [f"a{n:015x}" for n in range(rows)], "source": sources or ["xclick"] * rows}
    return columns | {name: [box[n] for box in clicks] for n, name in enumerate(CLICKS)}


def test_a_rotation_is_read_in_every_form_of_its_number_and_nothing_else_is_one():
    texts = ["0", "0.0", "90.0", "180", "270.000", "-0", None, "45", "360", "-90", "left", "nan"]
    kept, reasons, _ = filtered("images", image_columns(texts))
    assert [row["rotation"] for row in kept] == [0, 0, 90, 180, 270, 0, None]
    assert reasons == {row: ["invalid_rotation"] for row in range(7, 12)}


def test_what_stands_for_an_unknown_rotation_is_declared():
    member = Member("images", "x.csv", columns="images", subsets=("train",), null_values={"rotation": ("?", "-1")})
    kept, reasons, _ = filtered("images", image_columns(["?", "-1", "0", "!"]), member)
    assert [row["rotation"] for row in kept] == [None, None, 0]
    assert reasons == {3: ["invalid_rotation"]}


def test_a_file_without_rotation_gives_null_and_lists_are_told_by_others():
    columns = image_columns(["0"])
    del columns["rotation"]
    kept, _, _ = filtered("images", columns)
    assert [(row["rotation"], row["is_boxable"], row["has_human_labels"]) for row in kept] == [(None, None, None)]


def test_a_file_of_all_subsets_tells_the_subset_of_each_row():
    member = Member("images", "x.csv", columns="images", subset_column=True, subsets=("train", "validation"))
    columns = image_columns(["0"] * 4, ["validation", "train", "test", "Train"])
    kept, reasons, batch = filtered("images", columns, member, subset=None)
    assert [row["subset"] for row in kept] == ["validation", "train"]
    assert {row: told[0] for row, told in reasons.items()} == {2: "wrong_subset", 3: "wrong_subset"}
    assert "subset" not in batch.constants


def test_four_points_come_in_the_published_order():
    kept, _, _ = filtered(
        "boxes", box_columns([["0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "1"], ["0"] * 8]), release="v6"
    )
    first, second = (row["extreme_points"] for row in kept)
    assert first == [{"x": 0.1, "y": 0.5}, {"x": 0.2, "y": 0.6}, {"x": 0.3, "y": 0.7}, {"x": 0.4, "y": 1.0}]
    assert second == [{"x": 0.0, "y": 0.0}] * 4


@pytest.mark.parametrize("text", ["-1", "-1.000000", "-1.0", " -1", "-1e0", None])
def test_a_box_that_was_not_drawn_has_no_points(text: str | None):
    kept, reasons, batch = filtered("boxes", box_columns([[text] * 8, ["0.5"] * 8]), release="v6")
    assert not reasons
    assert [row["extreme_points"] for row in kept] == [None, [{"x": 0.5, "y": 0.5}] * 4]
    assert batch.columns["extreme_points"].null_count == 1


@pytest.mark.parametrize("wrong", ["-1", "1.5", "-0.01", None, "left", "nan", "inf", "1e999"])
@pytest.mark.parametrize("place", [0, 7])
def test_a_box_with_some_points_or_points_outside_is_refused(wrong: str | None, place: int):
    clicks: list[str | None] = ["0.5"] * 8
    clicks[place] = wrong
    columns = box_columns([["0.5"] * 8, clicks, ["-1"] * 8], ["xclick", "xclick", "activemil"])
    kept, reasons, _ = filtered("boxes", columns, release="v6")
    assert reasons == {1: ["invalid_extreme_points"]}
    assert [row["extreme_points"] is None for row in kept] == [False, True]


def test_a_file_without_clicks_gives_null():
    columns = {name: values for name, values in box_columns([["0"] * 8]).items() if name not in CLICKS}
    kept, _, batch = filtered("boxes", columns)
    assert kept[0]["extreme_points"] is None
    assert batch.columns["extreme_points"].type == pa.list_(pa.struct({"x": pa.float64(), "y": pa.float64()}))


def test_the_sources_of_boxes_are_those_of_the_subset():
    """V4 declares xclick and activemil for train, freeform for the others."""
    for subset, good in (("train", ["xclick", "activemil"]), ("validation", ["freeform"])):
        columns = box_columns([["-1"] * 8] * 3, ["xclick", "activemil", "freeform"])
        kept, reasons, _ = filtered("boxes", columns, subset=subset)
        assert [row["source"] for row in kept] == good
        assert {tuple(told) for told in reasons.values()} == {("unknown_source",)}


def test_the_confidence_of_a_label_is_its_value_however_it_is_written():
    texts = ["1", "1.0", "0.0", "0", "1.000"]
    columns = {
        "image_id": [f"a{n:015x}" for n in range(5)],
        "source": ["verification", "verification", "crowdsource-verification", "verification", "verification"],
        "mid": ["/m/0bt9lr"] * 5,
        "confidence": texts,
    }
    kept, reasons, _ = filtered("labels", columns, release="v7")
    assert [row["confidence"] for row in kept] == [1, 1, 0, 0, 1]
    assert not reasons


def test_what_stands_for_no_value_is_null_in_any_column():
    columns = image_columns(["0"] * 3)
    columns |= {"title": ["-", "T", ""], "original_size": ["-1", "5", "x"], "author": ["A", "?", "-"]}
    null_values = {"title": ("-",), "original_size": ("-1",), "author": ("?",)}
    member = Member("images", "x.csv", columns="images", subsets=("train",), null_values=null_values)
    kept, reasons, _ = filtered("images", columns, member)
    assert [(row["title"], row["author"], row["original_size"]) for row in kept] == [(None, "A", None), ("T", None, 5)]
    assert reasons == {2: ["invalid_size"]}


@pytest.mark.parametrize("spoiled", ["0.5", "half"])
def test_no_value_of_a_number_is_told_by_value_also_where_its_block_stays_text(spoiled: str):
    columns = box_columns([["0.1"] * 8] * 4) | {"x_min": ["-9", "-9.0", "0.1", spoiled]}
    columns |= {"x_max": ["1"] * 4, "y_min": ["0"] * 4, "y_max": ["1"] * 4}
    member = Member("boxes", "x.csv", columns="boxes", subsets=("train",), null_values={"x_min": ("-9", "none")})
    kept, reasons, _ = filtered("boxes", columns, member, release="v6")
    assert [row["x_min"] for row in kept][:1] == [0.1]
    assert {row: set(reasons[row]) for row in (0, 1)} == {0: {"missing_value"}, 1: {"missing_value"}}


def test_no_value_of_a_repeated_text_is_null():
    columns = box_columns([["0.1"] * 8] * 2) | {"mid": ["/m/0bt9lr", "/m/none"]}
    member = Member("boxes", "x.csv", columns="boxes", subsets=("train",), null_values={"mid": ("/m/none",)})
    _, reasons, _ = filtered("boxes", columns, member, release="v6")
    assert reasons == {1: ["missing_value"]}
