"""From ingested labels to image_labels, as a person calls it."""

from __future__ import annotations

import json
import tarfile
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from oilake.conf import reconcile_policy, registry
from oilake.conf.reconcile_policy import EVIDENCE
from oilake.conf.settings import Settings
from oilake.jobs import api
from oilake.jobs.ingest import ingest
from oilake.jobs.reconcile import reconcile
from oilake.jobs.scanning import key_ranges
from oilake.jobs.tables.snapshots import newest_snapshots
from oilake.jobs.tables.warehouse import Warehouse
from tests.conftest import Oilake
from tests.support.label_pairs import USUAL, Known, Label, expected, published
from tests.support.releases import CAT, DOG, LABEL_HEADER, TRAIN_BOX_HEADER, TREE, image_id, land, lines

UNKNOWN = "/m/0zz"
ORIGINS = {source: origin for origin, source in USUAL.items()}
CLASSES = {DOG: Known("Dog", True, True), CAT: Known('Cat "felis"', True, False), TREE: Known("Tree", False, True)}
MACHINE = [
    f"{image_id(0)},machine,{DOG},0.9",  # a crowd and a human confirm it
    f"{image_id(0)},machine,{CAT},0.5",  # a human refuses it
    f"{image_id(1)},machine,{DOG},0.7",  # repeated, once with another confidence
    f"{image_id(1)},machine,{DOG},0.7",
    f"{image_id(1)},machine,{DOG},0.6",
    f"{image_id(2)},machine,{UNKNOWN},0.123456789",  # nobody describes this class
]
HUMAN = [
    f"{image_id(0)},verification,{DOG},1",
    f"{image_id(0)},crowdsource-verification,{DOG},1",
    f"{image_id(0)},verification,{CAT},0",
    f"{image_id(1)},verification,{TREE},1",  # contradicts itself
    f"{image_id(1)},verification,{TREE},0",
    f"{image_id(2)},verification,{DOG},0",  # contradicts the crowd
    f"{image_id(2)},crowdsource-verification,{DOG},1",
    f"{image_id(3)},crowdsource-verification,{CAT},0",
]
BOXES = [f"{image_id(0)},xclick,{DOG},1,0,1,0,1"] * 2 + [f"{image_id(3)},xclick,{TREE},1,0,1,0,1"]
TRAIN = {
    "2017_11/train/annotations-machine.csv": lines(LABEL_HEADER, *MACHINE),
    "2017_11/train/annotations-human.csv": lines(LABEL_HEADER, *HUMAN),
    "2017_11/train/annotations-human-bbox.csv": lines(TRAIN_BOX_HEADER, *BOXES),
}
OTHER = "trust: [machine, crowdsource, human]\ncontradiction: negative\nmachine: lowest\nmachine_threshold: 0.7\n"


@pytest.fixture
def lake(settings: Settings, warehouse: str, tmp_path: Path) -> str:
    """A warehouse that holds the release above."""
    landing = land(tmp_path / "landing", TRAIN)
    ingest(replace(settings, warehouse=warehouse, landing=str(landing)), registry.find_release("v3"))
    return warehouse


def parsed(rows: list[str]) -> list[Label]:
    cells = [row.split(",") for row in rows]
    return [Label(ORIGINS[source], image, source, mid, float(value)) for image, source, mid, value in cells]


def train(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = [row for row in rows if row["subset"] == "train"]
    assert all(row["release"] == "v3" for row in found)
    return [{k: v for k, v in row.items() if k not in ("release", "subset")} for row in found]


def of_files(lake: str) -> list[dict[str, Any]]:
    found = DeltaTable(f"{lake}/image_labels").to_pyarrow_table().to_pylist()
    return sorted(found, key=lambda row: (row["subset"], row["image_id"], row["mid"]))


@pytest.mark.parametrize("text", [None, OTHER])
def test_each_image_and_class_stands_once_with_all_that_was_said(
    oilake: Oilake, lake: str, tmp_path: Path, text: str | None
):
    mine = tmp_path / "policy.yaml"
    mine.write_text(text or "")
    arguments = ("--policy", str(mine)) if text else ()
    code, out, _ = oilake("reconcile", "--release", "v3", "--warehouse", lake, "--json", *arguments)
    assert code == 0
    boxes = [(row.split(",")[0], row.split(",")[2]) for row in BOXES]
    policy = reconcile_policy.load_policy(str(mine) if text else None)
    wanted = expected(parsed(MACHINE + HUMAN), boxes, CLASSES, policy)
    read = api.read("image_labels", release="v3", warehouse=lake).orderBy("image_id", "mid").collect()
    assert train([row.asDict(recursive=True) for row in read]) == wanted
    rebuilt = sum((published(row) for row in wanted), start=Counter())
    assert rebuilt == Counter((label.source, label.confidence) for label in parsed(MACHINE + HUMAN))
    assert json.loads(out)["rows"]["train"] == {
        "pairs": len(wanted),
        "positive": sum(row["verdict"] == "positive" for row in wanted),
        "negative": sum(row["verdict"] == "negative" for row in wanted),
        "unverified": sum(row["verdict"] == "unverified" for row in wanted),
        "conflicts": sum(row["is_conflict"] for row in wanted),
        "agrees": sum(row["machine_agrees"] is True for row in wanted),
        "disagrees": sum(row["machine_agrees"] is False for row in wanted),
    }


def test_more_tasks_and_files_change_nothing(settings: Settings, lake: str, monkeypatch: pytest.MonkeyPatch):
    mine = replace(settings, warehouse=lake)
    reconcile(mine, registry.find_release("v3"), reconcile_policy.load_policy())
    first = of_files(lake)
    monkeypatch.setattr(key_ranges, "SHARED", 1)
    monkeypatch.setattr(key_ranges, "LARGEST", 3)
    reconcile(mine, registry.find_release("v3"), reconcile_policy.load_policy(), force=True)
    actions = pa.table(DeltaTable(f"{lake}/image_labels").get_add_actions(flatten=True)).to_pydict()
    ranges = sorted(
        (subset, low, high)
        for subset, low, high in zip(
            actions["partition.subset"], actions["min.image_id"], actions["max.image_id"], strict=True
        )
    )
    assert len([subset for subset, _, _ in ranges if subset == "train"]) > 2
    assert all(a[2] < b[1] for a, b in pairwise(ranges) if a[0] == b[0])
    assert of_files(lake) == first


def test_it_is_done_once_and_again_when_the_policy_or_the_labels_change(
    oilake: Oilake, settings: Settings, lake: str, tmp_path: Path
):
    call = ("reconcile", "--release", "v3", "--warehouse", lake)
    told = oilake(*call)[1]
    assert "subset" in told
    first = DeltaTable(f"{lake}/image_labels").version()
    code, out, _ = oilake(*call)
    assert (code, DeltaTable(f"{lake}/image_labels").version()) == (0, first)
    assert out.endswith(f"v3: nothing changed since it was reconciled in {lake}; --force redoes it\n")
    assert out.splitlines()[:-1] == told.splitlines()[:-1]  # the counts stand in the table
    oilake(*call, "--force")
    assert DeltaTable(f"{lake}/image_labels").version() == first + 1  # the same policy is not set again
    (tmp_path / "policy.yaml").write_text(OTHER)
    oilake(*call, "--policy", str(tmp_path / "policy.yaml"))
    table = DeltaTable(
        f"{lake}/image_labels", version=newest_snapshots(Warehouse.at(lake))["v3"].table_versions["image_labels"]
    )
    policy = reconcile_policy.load_policy(str(tmp_path / "policy.yaml")).as_json()
    assert table.metadata().configuration["oilake.policy.v3"] == policy
    entry = table.history()[0]
    assert (entry["oilake.policy"], entry["oilake.job"]) == (policy, "reconcile")
    assert entry["oilake.inputs"].keys() == {"labels", "classes", "release_files", *EVIDENCE}
    landing = land(tmp_path / "landing", {"2017_11/train/annotations-machine.csv": lines(LABEL_HEADER)})
    ingest(replace(settings, warehouse=lake, landing=str(landing)), registry.find_release("v3"))
    assert "unverified" in oilake(*call)[1]
    assert len(train(of_files(lake))) == 2


def test_a_subset_without_boxes_has_no_box_count(settings: Settings, warehouse: str, tmp_path: Path):
    landing = land(tmp_path / "landing", TRAIN)
    (landing / "2017_11" / "annotations_human_bbox_2017_11.tar.gz").unlink()
    mine = replace(settings, warehouse=warehouse, landing=str(landing))
    ingest(mine, registry.find_release("v3"), partial=True)
    reconcile(mine, registry.find_release("v3"), reconcile_policy.load_policy())
    assert {row["box_count"] for row in of_files(warehouse)} == {None}
    assert newest_snapshots(Warehouse.at(warehouse))["v3"].status == "partial"


def test_a_release_that_is_not_there_gets_one_sentence(oilake: Oilake, warehouse: str):
    code, out, err = oilake("reconcile", "--release", "v3", "--warehouse", warehouse)
    assert (code, out) == (2, "")
    assert "release 'v3' is not published here (published: none); run `oilake ingest --release v3" in err


@pytest.mark.real
def test_verdicts_of_real_rows_are_what_sql_says_of_the_published_files(
    spark: SparkSession, settings: Settings, real: Path, tmp_path: Path
):
    mine = replace(settings, warehouse=str(tmp_path / "lake"), landing=str(real))
    ingest(mine, registry.find_release("v3"), partial=True)
    found = reconcile(mine, registry.find_release("v3"), reconcile_policy.load_policy())
    for kind in ("machine", "human"):
        with tarfile.open(real / "2017_11" / f"annotations_{kind}_2017_11.tar.gz") as archive:
            archive.extractall(tmp_path, filter="data")
    counts = duckdb.sql(f"""
        WITH said AS (
            SELECT split_part(filename, '/', -2) AS subset, ImageID, LabelName,
                   max(Confidence) FILTER (Source = 'machine') AS machine,
                   max(Confidence) FILTER (Source = 'verification') AS human,
                   max(Confidence) FILTER (Source = 'crowdsource-verification') AS crowd,
                   count(DISTINCT Confidence) FILTER (Source = 'verification') > 1
                       OR count(DISTINCT Confidence) FILTER (Source = 'crowdsource-verification') > 1 AS contradicts
            FROM read_csv('{tmp_path}/2017_11/*/annotations-*.csv', filename = true,
                          types = {{'ImageID': 'VARCHAR', 'Confidence': 'DOUBLE'}})
            GROUP BY ALL)
        SELECT subset, count(*), count(*) FILTER (coalesce(human, crowd) = 1), count(*) FILTER (coalesce(human, crowd) = 0),
               count(*) FILTER (coalesce(human, crowd) IS NULL), count(*) FILTER (contradicts OR human <> crowd),
               count(*) FILTER (machine IS NOT NULL AND coalesce(human, crowd) = 1),
               count(*) FILTER (machine IS NOT NULL AND coalesce(human, crowd) = 0)
        FROM said GROUP BY subset""").fetchall()
    assert {subset: tuple(row.values()) for subset, row in found.rows.items()} == {row[0]: row[1:] for row in counts}
    labels = DeltaTable(f"{mine.warehouse}/labels").to_pyarrow_table().to_pylist()
    rebuilt = sum((published(row) for row in of_files(mine.warehouse)), start=Counter())
    assert rebuilt == Counter((row["source"], row["confidence"]) for row in labels)
