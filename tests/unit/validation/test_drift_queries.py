"""The new tables' drift on planted rows: each query finds what differs beyond its threshold, and nothing below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from oilake.jobs.validation import sql_expectations
from oilake.quality import scopes
from oilake.quality.metrics import ExpectationCount
from oilake.quality.suites import Expectation, load_suite
from oilake.schemas import loader as schemas
from tests.unit.validation.test_local_queries import answer, slice_target

pytestmark = pytest.mark.lengthy

Rows = Mapping[str, Sequence[Any]]
# Tables that published files are read into; labels are compared as image_labels.
PUBLISHED = [name for name in schemas.table_names() if schemas.table_schema(name).published and name != "labels"]
IS, ON, FAR = ["is"] * 60, ["on"] * 240, ["at"] * 100


def images(rows: int, each: int, subset: str = "train") -> Rows:
    """Rows of which `each` are of one image."""
    return {"subset": [subset] * rows, "image_id": [f"{n // each:016x}" for n in range(rows)]}


def joined(*parts: Rows) -> Rows:
    return {name: [value for part in parts for value in part[name]] for name in parts[0]}


def related(relationships: Sequence[str], subset: str = "train") -> Rows:
    return {"subset": [subset] * len(relationships), "relationship": relationships}


# (table, expectation) -> rows of the release before, rows of the release, what is found.
PLANTED: dict[str, tuple[str, str, Rows, Rows, list[dict[str, Any]]]] = {
    "three times as many masks an image, in one subset": (
        "masks", "drift_of_rows_an_image",
        joined(images(12, 2), images(12, 2, "test")), joined(images(36, 6), images(48, 4, "test")),
        [{"subset": "train", "an_image": 6.0, "an_image_before": 2.0}],
    ),
    "a third of the points an image": (
        "points", "drift_of_rows_an_image", images(90, 9), images(30, 3),
        [{"subset": "train", "an_image": 3.0, "an_image_before": 9.0}],
    ),
    "twice as many narratives an image, which is no more than twice": (
        "narratives", "drift_of_rows_an_image", images(10, 1), images(20, 2), [],
    ),
    "a subset that one release alone has": (
        "relationships", "drift_of_rows_an_image", images(10, 1), images(50, 5, "test"), [],
    ),
    "a relationship takes the place of another": (
        "relationships", "drift_of_value_share", related(IS + ON), related(["on"] * 300 + FAR),
        [],
    ),
    "one that was gone altogether": (
        "relationships", "drift_of_value_share", related(IS + ON), related(["holds"] * 201),
        [
            {"subset": "train", "column_name": "relationship", "value": "holds", "share": 1.0, "share_before": 0.0},
            {"subset": "train", "column_name": "relationship", "value": "on", "share": 0.0, "share_before": 0.8},
        ],
    ),
    "too few rows to tell": (
        "relationships", "drift_of_value_share", related(IS + ON), related(["holds"] * 199), [],
    ),
    "masks that were there and are missing": (
        "mask_checks", "drift_of_value_share",
        {"subset": ["test"] * 400, "status": ["verified"] * 390 + ["blank"] * 10},
        {"subset": ["test"] * 400, "status": ["verified"] * 200 + ["missing"] * 200},
        [
            {"subset": "test", "column_name": "status", "value": "missing", "share": 0.5, "share_before": 0.0},
            {"subset": "test", "column_name": "status", "value": "verified", "share": 0.5, "share_before": 0.975},
        ],
    ),
    "narratives that lost their recordings": (
        "narratives", "drift_of_null_share",
        {"subset": ["train"] * 4, "voice_recording": ["a"] * 4, "dataset_id": ["d"] * 4},
        {"subset": ["train"] * 4, "voice_recording": [None, None, None, "a"], "dataset_id": ["d"] * 4},
        [{"subset": "train", "column_name": "voice_recording", "share": 0.75, "share_before": 0.0}],
    ),
    "an attribute of twenty is gone, and ten are new": (
        "attributes", "drift_of_listed_entries", {"mid": [f"/m/0{n}" for n in range(20)]},
        {"mid": [f"/m/0{n}" for n in range(1, 30)]},
        [{"mid": "/m/00", "change": "vanished", "changed": 1, "listed_before": 20}],
    ),
    "five times as many new relationships in triplets, each listed twice": (
        "relationship_triplets", "drift_of_listed_entries", {"relationship": ["r1", "r1"]},
        {"relationship": [f"r{n}" for n in range(1, 7)] * 2},
        [{"relationship": f"r{n}", "change": "new", "changed": 5, "listed_before": 1} for n in range(2, 7)],
    ),
    "a list that stood empty, and nodes that have a MID now": (
        "hierarchy", "drift_of_listed_entries", {"mid": pa.nulls(2, pa.string())}, {"mid": ["/m/0a", "/m/0b"]}, [],
    ),
    "four times as many new MIDs in the hierarchy, and a node without one": (
        "hierarchy", "drift_of_listed_entries",
        {"mid": ["/m/0a", "/m/0b", None]}, {"mid": ["/m/0a", "/m/0b", *"cdefghij"]}, [],
    ),
}  # fmt: skip


def drift_question(name: str, folder: Path) -> tuple[Expectation, dict[str, Any], list[dict[str, Any]]]:
    """(the expectation, the slices that its query names, what it has to find)."""
    table, promise, before, now, differing = PLANTED[name]
    (expectation,) = [e for e in load_suite(table).expectations if e.name == promise]
    batch, earlier = (slice_target(folder, pa.table(dict(rows)), load_suite(table)) for rows in (now, before))
    names = {
        sql_expectations.BATCH: replace(batch, table=table),
        expectation.meta.reads[0]: replace(earlier, table=f"e_{table}"),
    }
    return expectation, names, differing


def sorted_examples(count: ExpectationCount | str | None) -> list[Any]:
    assert isinstance(count, ExpectationCount)
    assert count.unexpected == len(count.examples)
    return sorted(map(repr, count.examples))


@pytest.mark.parametrize("name", PLANTED)
def test_planted_drift_is_told_and_nothing_else(tmp_path: Path, name: str):
    expectation, slices, differing = drift_question(name, tmp_path)
    query = expectation.kwargs["unexpected_rows_query"].format(batch=sql_expectations.BATCH)
    assert sorted_examples(answer(query, **slices)) == sorted(map(repr, differing))


@pytest.mark.parametrize("table", PUBLISHED)
def test_every_published_table_is_held_against_the_release_before(table: str):
    drifts = [e for e in load_suite(table).of("release") if e.name.startswith("drift_of_")]
    assert drifts
    assert all(e.meta.reads == (f"{scopes.EARLIER_PREFIX}{table}",) for e in drifts)
