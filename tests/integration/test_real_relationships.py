"""Real relationships and their lists, read once by us and once by the csv module of Python: every value is the same."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from oilake.conf.chosen_files import FileChoice
from oilake.conf.settings import Settings
from oilake.jobs.ingest import ingest
from oilake.schemas.release_registry import find_release

pytestmark = pytest.mark.real
LISTS = ("relationship_triplets", "relationship_descriptions", "attributes")
EDGES = [f"{edge}{side}" for side in (1, 2) for edge in ("XMin", "XMax", "YMin", "YMax")]
OUR_EDGES = [f"{edge}_{side}" for side in (1, 2) for edge in ("x_min", "x_max", "y_min", "y_max")]
FOLDERS = {"v5": "2019_01/challenge-2018-", "v6": "v6/oidv6-"}
# The names of the published files of each list, the columns, and whether the file has a header.
FILES = {
    "relationship_triplets": ("relationship-triplets.csv", ("mid_1", "mid_2", "relationship"), True),
    "relationship_descriptions": ("relationships-description.csv", ("relationship", "description"), False),
    "attributes": ("attributes-description.csv", ("mid", "name"), False),
}


@pytest.fixture(scope="module")
def lake(spark: SparkSession, settings: Settings, real: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with the relationships of V5's validation images and the lists of V5 and V6."""
    folder = tmp_path_factory.mktemp("real_relationships")
    where = replace(settings, warehouse=str(folder), landing=str(real))
    for release, choice in (("v5", FileChoice(("relationships", *LISTS), ("validation",))), ("v6", FileChoice(LISTS))):
        summary = ingest(where, find_release(release), partial=True, accept_changed=True, choice=choice)
        assert summary.totals["rows_quarantined"] == 0
    return folder


def rows(lake: Path, table: str, release: str) -> list[dict[str, Any]]:
    read = DeltaTable(str(lake / table)).to_pyarrow_table(filters=[("release", "=", release)])
    return list(read.to_pylist())


def published(real: Path, name: str) -> list[list[str]]:
    with (real / name).open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_every_relationship_is_as_published(lake: Path, real: Path):
    ours = [
        (r["image_id"], r["mid_1"], r["mid_2"], r["relationship"], *(r[edge] for edge in OUR_EDGES))
        for r in rows(lake, "relationships", "v5")
    ]
    header, *lines = published(real, "v5/validation-annotations-vrd.csv")
    read = [dict(zip(header, line, strict=True)) for line in lines]
    theirs = [
        (r["ImageID"], r["LabelName1"], r["LabelName2"], r["RelationshipLabel"], *(float(r[edge]) for edge in EDGES))
        for r in read
    ]
    assert Counter(ours) == Counter(theirs)
    assert len(ours) == len(theirs) == 3991


def test_an_attribute_repeats_the_box_and_no_triplet_is_unlisted(lake: Path):
    ours = rows(lake, "relationships", "v5")
    attributes = [row for row in ours if row["is_attribute"]]
    assert len(attributes) == 2573
    assert {row["relationship"] for row in attributes} == {"is"}
    assert all([row[e] for e in OUR_EDGES[:4]] == [row[e] for e in OUR_EDGES[4:]] for row in attributes)
    assert {row["mid_2"] for row in attributes} <= {row["mid"] for row in rows(lake, "attributes", "v5")}
    listed = {(t["mid_1"], t["relationship"], t["mid_2"]) for t in rows(lake, "relationship_triplets", "v5")}
    used = {(row["mid_1"], row["relationship"], row["mid_2"]) for row in ours}
    assert used <= listed
    assert (len(used), len(listed)) == (183, 329)


@pytest.mark.parametrize("release", FOLDERS)
@pytest.mark.parametrize("table", FILES)
def test_every_list_is_as_published(lake: Path, real: Path, table: str, release: str):
    name, columns, has_header = FILES[table]
    lines = published(real, FOLDERS[release] + name)[1 if has_header else 0 :]
    assert [[row[column] for column in columns] for row in rows(lake, table, release)] == lines
