"""The real rows of V4 to V7, read once by us and once by Python's own csv and json: every value is the same."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from oilake.conf.registry import File
from oilake.conf.settings import Settings
from oilake.jobs.ingest import ingest
from oilake.schemas import release_registry
from tests.support.real_plain import land_rows

pytestmark = pytest.mark.real

RELEASES = ("v4", "v5", "v6", "v7")
HIERARCHY = "2018_04/bbox_labels_600_hierarchy.json"
ORIGINS = {"machine": "machine", "verification": "human", "crowdsource-verification": "crowdsource"}
EDGES = {"XMin": "x_min", "XMax": "x_max", "YMin": "y_min", "YMax": "y_max", "Confidence": "confidence"}
FLAGS = {
    "IsOccluded": "is_occluded",
    "IsTruncated": "is_truncated",
    "IsGroupOf": "is_group_of",
    "IsDepiction": "is_depiction",
    "IsInside": "is_inside",
}
STATES = {"1": True, "0": False, "-1": None}

Row = dict[str, Any]


@pytest.fixture(scope="module")
def landing(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The excerpts under their published paths."""
    folder = tmp_path_factory.mktemp("plain") / "landing"
    land_rows(real, folder)
    return folder


@pytest.fixture(scope="module")
def lake(spark: SparkSession, settings: Settings, landing: Path) -> Path:
    """A warehouse that holds them; the excerpts are not the published bytes, which is accepted."""
    warehouse = landing.parent / "lake"
    places = replace(settings, warehouse=str(warehouse), landing=str(landing))
    for name in RELEASES:
        ingest(places, release_registry.find_release(name), partial=True, accept_changed=True)
    return warehouse


def stored(lake: Path, table: str, release: str) -> list[Row]:
    return [row for row in DeltaTable(str(lake / table)).to_pyarrow_table().to_pylist() if row["release"] == release]


def landed(landing: Path, table: str, release: str) -> list[File]:
    """The files of the release that hold rows of a table, and stand in no other file."""
    files = release_registry.find_release(release).files
    chosen = [file for file in files if any(member.table == table for member in file.members) and not file.subset_of]
    return [file for file in chosen if (landing / file.name).is_file()]


def records(landing: Path, file: File) -> Iterator[tuple[str, dict[str, str]]]:
    """(Subset, row) of every row of a file."""
    (subset,) = file.members[0].subsets or ("",)
    with open(landing / file.name, newline="", encoding="utf-8") as text:
        for row in csv.DictReader(text):
            yield subset, row


@pytest.mark.parametrize("release", RELEASES[1:])
def test_every_label_is_as_published(lake: Path, landing: Path, release: str):
    theirs = Counter(
        (subset, row["ImageID"], row["Source"], ORIGINS[row["Source"]], row["LabelName"], float(row["Confidence"]))
        for file in landed(landing, "labels", release)
        for subset, row in records(landing, file)
    )
    names = ("subset", "image_id", "source", "origin", "mid", "confidence")
    assert Counter(tuple(row[name] for name in names) for row in stored(lake, "labels", release)) == theirs
    assert theirs


@pytest.mark.parametrize("release", RELEASES)
def test_every_box_is_as_published(lake: Path, landing: Path, release: str):
    theirs = Counter(
        (
            subset,
            row["ImageID"],
            row["Source"],
            row["LabelName"],
            *(float(row[name]) for name in EDGES),
            *(STATES[row[name]] for name in FLAGS),
        )
        for file in landed(landing, "boxes", release)
        for subset, row in records(landing, file)
    )
    names = ("subset", "image_id", "source", "mid", *EDGES.values(), *FLAGS.values())
    assert Counter(tuple(row[name] for name in names) for row in stored(lake, "boxes", release)) == theirs
    assert {row["extreme_points"] for row in stored(lake, "boxes", release)} == {None}
    assert theirs


@pytest.mark.parametrize("release", RELEASES)
def test_every_class_is_as_published(lake: Path, landing: Path, release: str):
    named: dict[str, str] = {}
    boxable: set[str] = set()
    for file in landed(landing, "classes", release):
        with open(landing / file.name, newline="", encoding="utf-8") as text:
            rows = [row for row in csv.reader(text) if row and row[0] != "LabelName"]
        if file.members[0].list == "boxable":
            boxable |= {mid for mid, _ in rows}
            named = dict(rows) | named
        else:
            named |= dict(rows)
    ours = {row["mid"]: row for row in stored(lake, "classes", release)}
    assert {mid: row["display_name"] for mid, row in ours.items()} == named
    assert not [row for row in stored(lake, "quarantine", release) if row["table_name"] == "classes"]
    if boxable:
        assert {mid for mid, row in ours.items() if row["is_boxable"]} == boxable


def occurrences(node: Row, parent: str | None = None) -> Iterator[tuple[str, str | None]]:
    yield node["LabelName"], parent
    for key in ("Subcategory", "Part"):
        for child in node.get(key, []):
            yield from occurrences(child, node["LabelName"])


@pytest.mark.parametrize("release", RELEASES)
def test_the_hierarchy_keeps_every_node_and_parent(lake: Path, landing: Path, release: str):
    ours = stored(lake, "hierarchy", release)
    by_path = {row["path"]: row for row in ours}
    parents = {row["path"]: by_path[row["parent_path"]]["mid"] if row["parent_path"] else None for row in ours}
    theirs = Counter(occurrences(json.loads((landing / HIERARCHY).read_text())))
    assert Counter((row["mid"], parents[row["path"]]) for row in ours) == theirs


@pytest.mark.parametrize("release", RELEASES)
def test_every_file_is_accounted_for(lake: Path, release: str):
    rows = stored(lake, "release_files", release)
    assert rows
    for row in rows:
        assert row["rows_kept"] + row["rows_quarantined"] == row["rows_read"]
        assert row["file"] == row["member"]
