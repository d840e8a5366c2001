"""One photo under several IDs is found without Spark: what a dictionary finds, for any images."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oilake.jobs import cli, duplicates
from oilake.jobs.runtime import spark_session
from oilake.jobs.tables import ddl
from oilake.jobs.tables.snapshots import INGEST
from oilake.jobs.tables.warehouse import Warehouse
from tests.support import view_lake
from tests.support.releases import image_id
from tests.support.warehouses import spark_is_not_needed

pytestmark = pytest.mark.lengthy

MD5S = [f"{n:032x}" for n in range(3)]
SUBSETS = ["train", "test", "validation"]
COLUMNS = ("original_md5", "image_id", "subset", "copies", "subsets", "is_across_subsets")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([*MD5S, None]), st.sampled_from(SUBSETS)), max_size=12))
def test_it_finds_what_a_dictionary_finds(images: list[tuple[str | None, str]]) -> None:
    rows = [(md5, f"{n:016x}", subset) for n, (md5, subset) in enumerate(images)]
    groups = defaultdict(list)
    for row in rows:
        groups[row[0]].append(row)
    expected = sorted(
        (*row, len(group), sorted({r[2] for r in group}), len({r[2] for r in group}) > 1)
        for md5, group in groups.items()
        for row in group
        if md5 is not None and len(group) > 1
    )
    table = pa.table({name: pa.array([row[n] for row in rows], pa.string()) for n, name in enumerate(COLUMNS[:3])})
    listed = [row for batch in duplicates.duplicate_rows(table) for row in batch.to_pylist()]
    assert [tuple(row[name] for name in COLUMNS) for row in listed] == expected, "in the order of the table"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A release of five images: two of train and one of validation are one photo, two have no MD5."""
    monkeypatch.setattr(spark_session, "start_session", lambda *_: spark_is_not_needed())
    place = str(tmp_path / "lake")
    ddl.ensure_tables(spark_is_not_needed, Warehouse.at(place))
    images = [view_lake.image("v3", n) for n in range(4)] + [view_lake.image("v3", 0, "validation")]
    for image, md5 in zip(images, (MD5S[0], MD5S[0], None, None, MD5S[0]), strict=True):
        image["original_md5"] = md5
    view_lake.publish_rows(place, "v3", INGEST, {"images": images})
    return place


def test_leakage_is_published_without_java(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["duplicates", "--release", "v3", "--warehouse", place, "--json"]
    for flags, is_changed in (((), True), ((), False), (("--force",), True)):
        assert cli.main([*words, *flags]) == 0
        leakage = json.loads(capsys.readouterr().out)
        assert (leakage["changed"], leakage["images"], leakage["by_subsets"]) == (
            is_changed,
            3,
            {"train, validation": 1},
        )
    assert cli.main(["show", "duplicate_images", "--csv", "--columns", "image_id,copies", "--warehouse", place]) == 0
    listed = [image_id(0, "validation"), image_id(0), image_id(1)]
    assert capsys.readouterr().out.split()[1:] == [f"{image},3" for image in sorted(listed)]
    assert cli.main(["check", "duplicate_images", "--warehouse", place]) == 0


def test_images_that_do_not_fit_into_memory_are_one_sentence(
    place: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "MEMORY", "1KB")
    assert cli.main(["duplicates", "--release", "v3", "--warehouse", place]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "the images of v3 cannot be compared (" in line
    assert "`oilake check images --release v3" in line
    assert not list(Path(place, "duplicate_images").rglob("*.parquet"))
