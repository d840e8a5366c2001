"""The real rows of V3, read once by us and once by Python's own csv module: every value is the same."""

from __future__ import annotations

import base64
import csv
import html
import io
import json
import tarfile
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import polars
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from oilake.conf import registry
from oilake.conf.settings import Settings
from oilake.jobs.check import check
from oilake.jobs.ingest import ingest
from oilake.jobs.ingesting.summary import Summary

pytestmark = pytest.mark.real
TAG = "2017_11"
ORIGINS = {"machine": "machine", "verification": "human", "crowdsource-verification": "crowdsource"}
AMBIGUOUS = {"Mouse", "Bench"}


@pytest.fixture(scope="module")
def lake(spark: SparkSession, settings: Settings, real: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse that holds the real rows."""
    folder = tmp_path_factory.mktemp("real") / "warehouse"
    summary = ingest(
        replace(settings, warehouse=str(folder), landing=str(real)), registry.find_release("v3"), partial=True
    )
    assert isinstance(summary, Summary)
    assert summary.totals["rows_quarantined"] == 0
    return folder


def rows(lake: Path, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = DeltaTable(str(lake / table)).to_pyarrow_table().to_pylist()
    return found


def published(real: Path, archive: str, name: str) -> Iterator[tuple[str, dict[str, str]]]:
    """(subset, row) of every row of the members called `name`."""
    with tarfile.open(real / TAG / f"{archive}_{TAG}.tar.gz") as opened:
        for member in opened:
            if member.name.endswith(f"/{name}"):
                text = io.TextIOWrapper(opened.extractfile(member), "utf-8", newline="")
                for row in csv.DictReader(text):
                    yield member.name.split("/")[1], row


def same_rows(ours: list[tuple[Any, ...]], theirs: list[tuple[Any, ...]]) -> None:
    assert Counter(ours) == Counter(theirs)
    assert len(ours) == len(theirs) == 2000


def test_every_image_is_as_published(lake: Path, real: Path):
    names = ["image_id", "subset", "original_url", "original_landing_url", "license", "author_profile_url"]
    names += ["author", "title", "original_size", "original_md5", "thumbnail_300k_url"]
    theirs = []
    for subset, row in published(real, "images", "images.csv"):
        assert row["Subset"] == subset
        told = [unicodedata.normalize("NFC", html.unescape(row[k])) or None for k in ("Author", "Title")]
        md5 = base64.b64decode(row["OriginalMD5"]).hex() or None
        links = [row[k] for k in ("OriginalURL", "OriginalLandingURL", "License", "AuthorProfileURL")]
        size = int(row["OriginalSize"]) if row["OriginalSize"] else None
        theirs.append((row["ImageID"], subset, *links, *told, size, md5, row["Thumbnail300KURL"] or None))
    same_rows([tuple(row[name] for name in names) for row in rows(lake, "images")], theirs)


@pytest.mark.parametrize(("archive", "machine"), [("annotations_machine", True), ("annotations_human", False)])
def test_every_label_is_as_published(lake: Path, real: Path, archive: str, machine: bool):
    ours = [
        (r["subset"], r["image_id"], r["origin"], r["source"], r["mid"], r["confidence"])
        for r in rows(lake, "labels")
        if (r["origin"] == "machine") == machine
    ]
    name = archive.replace("_", "-") + ".csv"
    theirs = [
        (subset, r["ImageID"], ORIGINS[r["Source"]], r["Source"], r["LabelName"], float(r["Confidence"]))
        for subset, r in published(real, archive, name)
    ]
    same_rows(ours, theirs)


def test_every_box_is_as_published(lake: Path, real: Path):
    edges = {"XMin": "x_min", "XMax": "x_max", "YMin": "y_min", "YMax": "y_max", "Confidence": "confidence"}
    flags = {"IsOccluded": "is_occluded", "IsTruncated": "is_truncated", "IsGroupOf": "is_group_of"}
    flags |= {"IsDepiction": "is_depiction", "IsInside": "is_inside"}
    ours = [
        (r["subset"], r["image_id"], r["source"], r["mid"], *(r[n] for n in [*edges.values(), *flags.values()]))
        for r in rows(lake, "boxes")
    ]
    known = {"1": True, "0": False, None: None}
    theirs = [
        (
            subset,
            r["ImageID"],
            r["Source"],
            r["LabelName"],
            *(float(r[n]) for n in edges),
            *(known[r.get(n)] for n in flags),
        )
        for subset, r in published(real, "annotations_human_bbox", "annotations-human-bbox.csv")
    ]
    same_rows(ours, theirs)


def lists(real: Path) -> dict[str, bytes]:
    with tarfile.open(real / TAG / f"classes_{TAG}.tar.gz") as opened:
        return {member.name.split("/")[-1]: opened.extractfile(member).read() for member in opened}  # type: ignore[union-attr]


def test_every_class_is_as_published(lake: Path, real: Path):
    files = lists(real)
    described = dict(csv.reader(io.StringIO(files["class-descriptions.csv"].decode(), newline="")))
    trainable, boxable, both, every = (
        set(files[f"{name}.txt"].decode().split())
        for name in ("classes-trainable", "classes-bbox", "classes-bbox-trainable", "classes")
    )
    ours = {row["mid"]: row for row in rows(lake, "classes")}
    assert ours.keys() == every == described.keys()
    for mid, row in ours.items():
        flags = (row["is_trainable"], row["is_boxable"], row["is_box_trainable"])
        assert flags == (mid in trainable, mid in boxable, mid in both)
        assert row["display_name"] == described[mid]
        assert row["freebase_id"] == mid[1:].replace("/", ".")
    counted = [sum(bool(row[f]) for row in ours.values()) for f in ("is_trainable", "is_boxable", "is_box_trainable")]
    assert (len(ours), *counted) == (19_995, 5_000, 601, 545)


def occurrences(node: dict[str, Any], parent: str | None = None) -> Iterator[tuple[str, str | None]]:
    yield node["name"], parent
    for child in node.get("children", []):
        yield from occurrences(child, node["name"])


def test_the_hierarchy_keeps_every_node_and_parent(lake: Path, real: Path):
    ours = rows(lake, "hierarchy")
    by_path = {row["path"]: row for row in ours}
    theirs = Counter(occurrences(json.loads((real / TAG / "bbox_hierarchy.json").read_text())))
    parents = {row["path"]: by_path[row["parent_path"]]["name"] if row["parent_path"] else None for row in ours}
    assert Counter((row["name"], parents[row["path"]]) for row in ours) == theirs
    assert len(ours) == len(by_path) == 693
    assert len({row["name"] for row in ours}) == 612
    of_name: dict[str, set[str | None]] = {}
    for row in ours:
        of_name.setdefault(row["name"], set()).add(parents[row["path"]])
        assert row["depth"] == row["path"].count("/")
    assert sum(len(found) > 1 for found in of_name.values()) == 56


def test_the_hierarchy_is_resolved_to_boxable_classes_where_that_is_certain(lake: Path):
    classes = rows(lake, "classes")
    boxable = {row["mid"]: row["display_name"] for row in classes if row["is_boxable"]}
    exactly = {name for name, count in Counter(boxable.values()).items() if count == 1}
    resolved: dict[str, set[str | None]] = {}
    for row in rows(lake, "hierarchy"):
        resolved.setdefault(row["name"], set()).add(row["mid"])
        assert row["mid"] is None or row["mid"] in boxable
    assert sum(name in exactly for name in resolved) == 586
    for name in exactly & resolved.keys():
        assert {boxable[mid] for mid in resolved[name]} == {name}
    assert {boxable[next(iter(resolved[n]))] for n in ("Lady bug", "Football")} == {"Ladybug", "General football"}
    assert resolved["Indoor"] == resolved["Street items"] == {None}
    assert all(len(resolved[name]) == 2 for name in AMBIGUOUS)


def test_every_file_is_accounted_for(lake: Path):
    found = {row["member"]: row for row in rows(lake, "release_files")}
    assert len(found) == 14
    for row in found.values():
        assert row["rows_kept"] + row["rows_quarantined"] == row["rows_read"]
        assert len(row["sha256"]) == 64
    assert sum(row["rows_read"] for member, row in found.items() if member.endswith("images.csv")) == 2000


def test_other_engines_read_every_table(lake: Path):
    counts = {"images": 2000, "labels": 4000, "boxes": 2000, "classes": 19_995, "hierarchy": 693, "release_files": 14}
    for table, count in {**counts, "quarantine": 0, "snapshots": 1, "publications": 1}.items():
        opened = DeltaTable(str(lake / table))
        data = opened.to_pyarrow_dataset()
        assert len(data.to_table()) == count
        assert polars.scan_pyarrow_dataset(data).collect().height == count
        assert duckdb.sql("SELECT count(*) FROM data").fetchall() == [(count,)]


def test_of_a_partial_release_rows_and_keys_are_judged_and_kept(lake: Path, settings: Settings):
    """The excerpt is cut by rows, so whatever is asked across tables or of published figures would be wrong."""
    outcome = check(replace(settings, warehouse=str(lake)), release="v3")
    assert {result.scope for one in outcome.checked for result in one.results} == {"row", "table"}
    assert all(result.success for one in outcome.checked for result in one.results)
    assert {why for one in outcome.checked for why in one.not_asked.values()} == {"v3 is partial"}
