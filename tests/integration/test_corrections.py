"""Corrections by a file: what they change, that they stay, that they go, and that a wrong file changes nothing."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from oilake.conf import reconcile_policy, registry
from oilake.conf.settings import Settings
from oilake.jobs import api
from oilake.jobs.changes import changes
from oilake.jobs.ingest import ingest
from oilake.jobs.reconcile import reconcile
from oilake.jobs.tables.snapshots import newest_snapshots
from oilake.jobs.tables.warehouse import Warehouse
from tests.conftest import Oilake
from tests.support.releases import CAT, DOG, TAG, TRAIN_BOX_HEADER, TREE, image_id, land, lines

pytestmark = pytest.mark.slow

HEADER = "image_id,mid,verdict,who,why,releases,kind,x_min,x_max,y_min,y_max"
FIRST, SECOND, THIRD = (image_id(n) for n in range(3))
BOXES = [
    f"{FIRST},xclick,{DOG},1,0.1,0.9,0.25,0.75",
    f"{FIRST},xclick,{DOG},1,0.2,0.9,0.25,0.75",
    f"{SECOND},xclick,{CAT},1,0.1,0.9,0.25,0.75",
    f"{SECOND},xclick,{CAT},1,0.100001,0.9,0.25,0.75",
]
GIVEN = [
    f"{FIRST},{DOG},negative,ann,a wolf,v3,,,,,",  # which staff confirmed
    f"{SECOND},{CAT},positive,bob,there it is,v2;v3,,,,,",  # which the crowd denied
    f"{THIRD},{TREE},positive,ann,nobody asked,*,,,,,",  # which nobody said
    f"{THIRD},{DOG},negative,ann,of another release,v2,,,,,",
    f"{FIRST},{DOG},,ann,of nothing,*,drop_box,0.200009,0.9,0.25,0.749992",
]
Decision = tuple[str, str, int, int]


@pytest.fixture(scope="module")
def ingested(
    spark: SparkSession, settings: Settings, empty_warehouse: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with a landing area and a warehouse that holds it as v2 and v3; copied, never written to."""
    folder = tmp_path_factory.mktemp("corrections")
    shutil.copytree(empty_warehouse, folder / "lake")
    replaced = {f"{TAG}/train/annotations-human-bbox.csv": lines(TRAIN_BOX_HEADER, *BOXES)}
    mine = replace(settings, warehouse=str(folder / "lake"), landing=str(land(folder / "landing", replaced)))
    for name in ("v2", "v3"):
        ingest(mine, replace(registry.find_release("v3"), release=name))
    return folder


@pytest.fixture
def places(ingested: Path, settings: Settings, tmp_path: Path) -> Settings:
    """The test's own copy."""
    shutil.copytree(ingested / "lake", tmp_path / "lake")
    return replace(settings, warehouse=str(tmp_path / "lake"), landing=str(ingested / "landing"))


def write(places: Settings, *rows: str, header: str = HEADER) -> str:
    path = Path(places.warehouse).parent / "mine.csv"
    path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    return str(path)


def decisions(places: Settings, release: str = "v3") -> dict[tuple[str, str], Decision]:
    """Verdict, who decided it, published rows and boxes of each pair of train."""
    rows = published(places, "image_labels", release)
    columns = ("verdict", "decided_by", "observations", "box_count")
    return {(r["image_id"], r["mid"]): tuple(r[c] for c in columns) for r in rows if r["subset"] == "train"}


def published(places: Settings, table: str, release: str = "v3") -> list[dict[str, Any]]:
    version = newest_snapshots(Warehouse.at(places.warehouse))[release].table_versions[table]
    read = DeltaTable(f"{places.warehouse}/{table}", version=version).to_pyarrow_table()
    return [row for row in read.to_pylist() if row["release"] == release]


PLAIN = {
    (FIRST, DOG): ("positive", "human", 2, 2),
    (SECOND, CAT): ("negative", "crowdsource", 2, 2),
}
CORRECTED = {
    (FIRST, DOG): ("negative", "correction", 2, 1),
    (SECOND, CAT): ("positive", "correction", 2, 2),
    (THIRD, TREE): ("positive", "correction", 0, 0),
}


def test_corrections_decide_and_stay_until_they_are_taken_out(places: Settings, oilake: Oilake):
    call = ("reconcile", "--release", "v3", "--warehouse", places.warehouse)
    file = write(places, *GIVEN)
    code, out, err = oilake(*call, "--corrections", file)
    assert (code, err.count("Traceback")) == (0, 0)
    assert "v3: corrections of mine.csv: rows 5, verdicts applied 3, boxes left out 1" in out
    assert decisions(places) == CORRECTED
    rows = {row["line"]: row for row in published(places, "corrections")}
    digest = hashlib.sha256(Path(file).read_bytes()).hexdigest()
    assert {(row["file"], row["file_sha256"]) for row in rows.values()} == {("mine.csv", digest)}
    assert [(line, rows[line]["is_applied"], rows[line]["subset"]) for line in sorted(rows)] == [
        (2, True, "train"),
        (3, True, "train"),
        (4, True, "train"),
        (5, False, None),
        (6, True, "train"),
    ]
    assert rows[6]["published_box"] == {"x_min": 0.2, "x_max": 0.9, "y_min": 0.25, "y_max": 0.75}
    kept = api.corrected_boxes("v3", places.warehouse).where("subset = 'train'").collect()
    assert sorted((r.image_id, r.x_min) for r in kept) == [(FIRST, 0.1), (SECOND, 0.1), (SECOND, 0.100001)]
    assert len([r for r in published(places, "boxes") if r["subset"] == "train"]) == 4

    story = oilake("history", "--image", FIRST, "--warehouse", places.warehouse)[1]
    assert f"correction: {DOG} negative, by ann: a wolf (mine.csv, line 2)" in story
    assert f"correction: {DOG} box left out, by ann: of nothing (mine.csv, line 6)" in story
    assert "negative (correction)" in story

    version = DeltaTable(f"{places.warehouse}/image_labels").version()
    assert oilake(*call)[0] == oilake(*call, "--corrections", file)[0] == 0  # given again, or not: nothing to do
    assert DeltaTable(f"{places.warehouse}/image_labels").version() == version

    ingest(places, registry.find_release("v3"), force=True)
    assert oilake(*call)[0] == 0
    assert decisions(places) == CORRECTED

    assert oilake(*call, "--corrections", write(places, GIVEN[1]))[0] == 0
    assert decisions(places) == {**PLAIN, (SECOND, CAT): CORRECTED[SECOND, CAT]}
    assert oilake(*call, "--corrections", write(places))[0] == 0
    assert decisions(places) == PLAIN
    assert published(places, "corrections") == []
    assert oilake(*call)[0] == 0
    assert decisions(places) == PLAIN


def test_another_release_takes_the_file_and_changes_tell_who_decided(places: Settings, oilake: Oilake):
    policy = reconcile_policy.load_policy()
    releases = [replace(registry.find_release("v3"), release=name) for name in ("v2", "v3")]
    reconcile(places, releases[1], policy, corrections=write(places, *GIVEN))
    reconcile(places, releases[0], policy)  # by the file that was given to v3
    assert decisions(places, "v2") == {
        (FIRST, DOG): ("positive", "human", 2, 1),
        (SECOND, CAT): CORRECTED[SECOND, CAT],
        (THIRD, TREE): CORRECTED[THIRD, TREE],
        (THIRD, DOG): ("negative", "correction", 0, 0),
    }
    changes(places, "v2", "v3")
    told = DeltaTable(f"{places.warehouse}/label_changes").to_pyarrow_table().to_pylist()
    assert {(r["image_id"], r["mid"]): (r["change"], r["from_decided_by"], r["to_decided_by"]) for r in told} == {
        (FIRST, DOG): ("flipped", "human", "correction"),
        (THIRD, DOG): ("removed", "correction", None),
    }
    boxes = DeltaTable(f"{places.warehouse}/box_changes").to_pyarrow_table().to_pylist()
    assert sorted(r["from_x_min"] for r in boxes if r["image_id"] == FIRST) == [0.1]
    assert {r["change"] for r in boxes} == {"unchanged"}

    changed = write(places, *GIVEN[:-1], f"{SECOND},{CAT},,ann,the other,v3,drop_box,0.100001,0.9,0.25,0.75")
    code, _, err = oilake("reconcile", "--release", "v3", "--warehouse", places.warehouse, "--corrections", changed)
    assert code == 2
    assert "not one published box" in err


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (f"{FIRST},/m/0zzzz,positive,ann,no,v3,,,,,", "/m/0zzzz is no class of v3; correct the MID"),
        (f"{'f' * 16},{DOG},positive,ann,no,v3,,,,,", f"image {'f' * 16} is not in v3; correct the ID"),
        (f"{'f' * 16},{DOG},positive,ann,no,*,,,,,", f"image {'f' * 16} is not in v3; correct the ID"),
        (f"{FIRST},{DOG},,ann,no,v3,drop_box,0.3,0.9,0.25,0.75", "no published box of /m/0bt9lr in image"),
        (
            f"{FIRST},{DOG},,ann,no,*,drop_box,0.20002,0.9,0.25,0.75",
            f"no published box of {DOG} in image {FIRST} has these edges within 0.00001 in v3",
        ),
        (f"{SECOND},{CAT},,ann,no,v3,drop_box,0.1,0.9,0.25,0.75", "not one published box of /m/01yrx in image"),
        (f"{FIRST},{DOG},maybe,ann,no,v3,,,,,", "verdict must be positive or negative, not 'maybe'"),
    ],
)
def test_a_wrong_row_is_refused_and_nothing_is_written(places: Settings, oilake: Oilake, row: str, sentence: str):
    before = {release: pin.number for release, pin in newest_snapshots(Warehouse.at(places.warehouse)).items()}
    file = write(places, GIVEN[0], row)
    code, out, err = oilake("reconcile", "--release", "v3", "--warehouse", places.warehouse, "--corrections", file)
    assert (code, out) == (2, "")
    assert f"mine.csv: line 3: {sentence}" in err
    assert "Traceback" not in err
    after = {release: pin.number for release, pin in newest_snapshots(Warehouse.at(places.warehouse)).items()}
    assert after == before
    assert not list((Path(places.warehouse) / "corrections").rglob("*.parquet"))
    assert not list((Path(places.warehouse) / "image_labels").rglob("*.parquet"))


def test_what_no_longer_fits_is_told_and_left_out(places: Settings, oilake: Oilake, tmp_path: Path):
    call = ("reconcile", "--release", "v3", "--warehouse", places.warehouse)
    given = [*GIVEN[:-1], GIVEN[-1].replace("*", "v3")]
    assert oilake(*call, "--corrections", write(places, *given))[0] == 0
    ingest(replace(places, landing=str(land(tmp_path / "later"))), registry.find_release("v3"))  # without that box
    code, out, err = oilake(*call, "--json")
    assert code == 0
    assert "what they name: 1 row of mine.csv, such as line 6: no published box" in err
    assert json.loads(out)["corrections"] == {"file": "mine.csv", "rows": 5, "verdicts": 3, "boxes": 0}
    assert decisions(places)[FIRST, DOG] == ("negative", "correction", 2, 1)
    assert {row["line"]: row["is_applied"] for row in published(places, "corrections")}[6] is False
