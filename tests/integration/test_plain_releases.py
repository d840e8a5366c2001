"""V6 and V7 of the sample: plain files become tables, lists become columns, and what is published is not read again."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from oilake.conf.chosen_files import FileChoice
from oilake.conf.settings import Settings
from oilake.jobs.ingest import ingest
from oilake.jobs.ingesting import taken_members
from oilake.jobs.ingesting.chunk_kernel import ChunkReport
from oilake.jobs.ingesting.summary import Summary
from oilake.jobs.tables import memory_sort
from oilake.schemas import release_registry
from tests.support import table_readers
from tests.support.samples import write_sample

pytestmark = pytest.mark.slow

WIDE = "2018_04/image_ids_and_rotation.csv"
LISTS = {
    "is_boxable": "2018_04/train/train-images-boxable-with-rotation.csv",
    "has_human_labels": "v6/oidv6-train-images-with-labels-with-rotation.csv",
}
VALIDATION_LABELS = FileChoice(("labels",), ("validation",))
TRAIN_IMAGES = FileChoice(("images",), ("train",))

Row = dict[str, Any]


@pytest.fixture(scope="module")
def places(settings: Settings, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Where the sample of V6 and V7 lies; V6 is published."""
    folder = tmp_path_factory.mktemp("plain")
    sample = write_sample(folder / "sample", "--releases", "v6,v7", "--scale", "0.0001")
    chosen = replace(settings, warehouse=str(folder / "lake"), landing=str(sample), registry=str(sample / "registry"))
    assert publish(chosen, "v6").status == "complete"
    return chosen


def publish(places: Settings, release: str, **flags: Any) -> Summary:
    return ingest(places, release_registry.find_release(release, places.registry), **flags)


def published(places: Settings, name: str) -> list[Row]:
    with open(Path(places.landing) / name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def stored(places: Settings, table: str, release: str) -> list[Row]:
    return table_readers.rows(places.warehouse, table, release)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The files that are taken over instead of read, as it happens."""
    names: set[str] = set()
    take = taken_members.take_members

    def spy(*arguments: Any) -> list[ChunkReport]:
        names.update(name for name, _ in arguments[3])
        return take(*arguments)

    monkeypatch.setattr(taken_members, "take_members", spy)
    return names


def without_release(rows: list[Row]) -> Counter[str]:
    return Counter(repr({**row, "release": None}) for row in rows)


def own_landing(places: Settings, tmp_path: Path, *names: str) -> Settings:
    """A landing area and a warehouse of the test's own, with some files of the sample."""
    for name in names:
        target = tmp_path / "landing" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(Path(places.landing) / name, target)
    return replace(places, landing=str(tmp_path / "landing"), warehouse=str(tmp_path / "lake"))


def test_every_image_has_its_subset_its_rotation_and_its_lists(places: Settings):
    listed = {column: {row["ImageID"] for row in published(places, name)} for column, name in LISTS.items()}
    expected = {}
    for row in published(places, WIDE):
        is_train = row["Subset"] == "train"
        flags = [row["ImageID"] in ids if is_train else True for ids in listed.values()]
        rotation = int(float(row["Rotation"])) if row["Rotation"] else None
        expected[row["ImageID"]] = (row["Subset"], rotation, row["OriginalURL"], *flags)
    columns = ("subset", "rotation", "original_url", *LISTS)
    rows = stored(places, "images", "v6")
    assert {row["image_id"]: tuple(row[name] for name in columns) for row in rows} == expected
    assert len(rows) == len(expected)
    assert {row["is_boxable"] for row in rows} == {True, False}


def test_lists_are_accounted_for_as_tables_are(places: Settings):
    rows = {row["file"]: row for row in stored(places, "release_files", "v6")}
    for name in LISTS.values():
        row = rows[name]
        assert row["rows_read"] == row["rows_kept"] + row["rows_quarantined"] == len(published(places, name))
        assert (row["table_name"], row["images_unmatched"]) == ("images", 0)
    assert rows[WIDE]["images_unmatched"] is None
    assert not [*(Path(places.warehouse) / "images").glob("list-*")]


def test_the_next_release_takes_over_what_it_shares_and_reads_the_rest(places: Settings, taken: set[str]):
    publish(places, "v7")
    assert {WIDE, *LISTS.values(), "v6/oidv6-train-annotations-bbox.csv"} <= taken
    assert not [name for name in taken if "labels" in name and name not in LISTS.values()]
    for table in ("images", "boxes"):
        assert without_release(stored(places, table, "v7")) == without_release(stored(places, table, "v6"))
    rows = {row["file"]: row for row in stored(places, "release_files", "v7")}
    for name, row in rows.items():
        if name.endswith(".csv") and "class" not in name:
            first = row["header"] is None  # which the independent reading takes for a header
            assert row["rows_read"] == len(published(places, name)) + first, name
    names = [name for name, row in rows.items() if row["table_name"] == "labels"]
    theirs = Counter(
        (row["ImageID"], row["Source"], row["LabelName"], float(row["Confidence"]))
        for name in names
        for row in published(places, name)
    )
    ours = stored(places, "labels", "v7")
    assert Counter((row["image_id"], row["source"], row["mid"], row["confidence"]) for row in ours) == theirs


@pytest.mark.parametrize("memory_rows", [memory_sort.MEMORY_ROWS, 0], ids=["sorted by a task", "shuffled by Spark"])
def test_an_unsorted_list_is_the_source_where_the_whole_list_is_not_there(
    places: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory_rows: int
):
    monkeypatch.setattr(memory_sort, "MEMORY_ROWS", memory_rows)
    name = LISTS["is_boxable"]
    own = own_landing(places, tmp_path, name)
    ids = [row["ImageID"] for row in published(places, name)]
    assert ids != sorted(ids)
    assert publish(own, "v6", partial=True, choice=TRAIN_IMAGES).status == "partial"
    rows = stored(own, "images", "v6")
    assert [row["image_id"] for row in rows] == sorted(ids)
    assert {(row["subset"], row["is_boxable"], row["has_human_labels"]) for row in rows} == {("train", True, None)}


def test_what_is_chosen_is_published_and_a_later_run_adds_to_it(places: Settings, tmp_path: Path, taken: set[str]):
    own = replace(places, warehouse=str(tmp_path / "lake"))
    first = publish(own, "v6", choice=VALIDATION_LABELS)
    assert first.status == "partial"
    assert first.warnings[0].startswith("the release is partial: it holds ")
    held = {(row["table_name"], *row["subsets"]) for row in stored(own, "release_files", "v6")}
    assert held == {("labels", "validation")}
    assert not taken
    second = publish(own, "v6", choice=FileChoice(("images", "boxes"), ("test",)))
    labelled = {row["file"] for row in stored(own, "release_files", "v6") if row["table_name"] == "labels"}
    assert taken == labelled
    assert second.status == "partial"
    assert second.rows["validation"]["machine"] == first.rows["validation"]["machine"]
    assert second.rows["test"].keys() >= {"images", "boxes"}
    assert "machine" not in second.rows["test"]
    assert not publish(own, "v6", choice=VALIDATION_LABELS).changed


def test_broken_rows_of_images_and_lists_are_quarantined_and_counted(places: Settings, tmp_path: Path):
    validation = "2018_04/validation/validation-images-with-rotation.csv"
    boxable = LISTS["is_boxable"]
    own = own_landing(places, tmp_path, WIDE, boxable, validation)
    row = f"{'9' * 15}{{}},{{}},http://a/b,,,,a,t,1,,,{{}}\n"
    with open(Path(own.landing) / WIDE, "a") as file:
        file.write(row.format("1", "train", "45") + row.format("2", "elsewhere", "0") + row.format("3", "test", "270"))
        file.write("too,few\n")
    with open(Path(own.landing) / boxable, "a") as file:
        file.write(row.format("4", "train", "90.0") + row.format("5", "test", "0") + 'no"quote,\n')
    limits = replace(own.limits, max_share=0.5)
    choice = FileChoice(("images",), ("train", "test"))
    summary = publish(replace(own, limits=limits), "v6", partial=True, choice=choice, accept_changed=True)
    assert summary.reasons == {"invalid_rotation": 1, "wrong_field_count": 2, "wrong_subset": 2}
    for counted in stored(own, "release_files", "v6"):
        assert counted["rows_read"] == counted["rows_kept"] + counted["rows_quarantined"]
    assert [warning for warning in summary.warnings if f"{boxable}: lists 1 image" in warning]
    rows = stored(own, "images", "v6")
    assert {row["subset"] for row in rows} == {"train", "test"}
    assert {row["rotation"] for row in rows if row["image_id"] == f"{'9' * 15}3"} == {270}
