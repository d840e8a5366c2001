"""Boxes that a later release redrew, kept, added or left out, and positives made leaf-most: planted, and found exactly."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from oilake.conf import reconcile_policy, registry
from oilake.conf.settings import Settings
from oilake.jobs import api
from oilake.jobs.changes import ChangesOutcome, changes
from oilake.jobs.ingest import ingest
from oilake.jobs.reconcile import reconcile
from oilake.jobs.scanning import key_ranges
from tests.conftest import Oilake
from tests.support.releases import (
    BOX_HEADER,
    DOG,
    HIERARCHY,
    LABEL_HEADER,
    TAG,
    TRAIN_BOX_HEADER,
    TREE,
    image_id,
    land,
    lines,
)

pytestmark = pytest.mark.slow

FIRST, SECOND = image_id(0), image_id(1)
SEEN = image_id(0, "validation")
TRAIN, VALIDATION = f"{TAG}/train/annotations-human-bbox.csv", f"{TAG}/validation/annotations-human-bbox.csv"
HUMAN = f"{TAG}/train/annotations-human.csv"
EARLIER = {
    TRAIN: lines(
        TRAIN_BOX_HEADER,
        f"{FIRST},xclick,{DOG},1,0.100000,0.500000,0.100000,0.500000",
        f"{FIRST},xclick,{DOG},1,0.100000,0.500000,0.100000,0.500000",
        f"{FIRST},activemil,{TREE},1,0.000000,0.400000,0.000000,0.400000",
        f"{SECOND},xclick,{TREE},1,0.000000,1.000000,0.000000,1.000000",
    ),
    VALIDATION: lines(
        BOX_HEADER,
        f"{SEEN},freeform,{DOG},1,0.000000,0.500000,0.000000,1.000000,1,0,0,0,0",
        f"{SEEN},freeform,{DOG},1,0.250000,0.750000,0.000000,1.000000,0,0,0,0,0",
        f"{SEEN},freeform,{TREE},1,0.000000,0.100000,0.000000,0.100000,0,0,0,0,0",
    ),
    HUMAN: lines(LABEL_HEADER, f"{FIRST},verification,{TREE},1", f"{SECOND},verification,{TREE},1"),
}
LATER = {
    TRAIN: lines(
        TRAIN_BOX_HEADER,
        f"{FIRST},xclick,{TREE},1,0,0.4,0,0.4",
        f"{FIRST},xclick,{DOG},1,0.1,0.5,0.1,0.5",
        f"{SECOND},xclick,{DOG},1,0.2,0.3,0.2,0.3",
        f"{SECOND},xclick,{TREE},1,0,1,0,0.499",
    ),
    # the first could be either of the earlier ones: both together overlap most when it is the second's
    VALIDATION: lines(
        BOX_HEADER,
        f"{SEEN},xclick,{DOG},1,0.2,0.7,0,1,0,0,0,0,0",
        f"{SEEN},xclick,{DOG},1,0,0.4,0,1,0,0,1,0,0",
        f"{SEEN},xclick,{TREE},1,0.9,1,0.9,1,0,0,0,0,0",
    ),
    HUMAN: lines(LABEL_HEADER, f"{FIRST},verification,{DOG},1", f"{SECOND},verification,{DOG},0"),
}
DOG_BELOW_TREE = {"name": "Entity", "children": [{"name": "Tree", "children": [{"name": "Dog", "size": 1000}]}]}
EXPECTED = Counter(
    {
        (FIRST, DOG, "unchanged", 1.0): 1,
        (FIRST, DOG, "removed", None): 1,
        (FIRST, TREE, "unchanged", 1.0): 1,
        (SECOND, DOG, "added", None): 1,
        (SECOND, TREE, "added", None): 1,
        (SECOND, TREE, "removed", None): 1,
        (SEEN, DOG, "redrawn", 0.8): 1,
        (SEEN, DOG, "redrawn", 0.818182): 1,
        (SEEN, TREE, "added", None): 1,
        (SEEN, TREE, "removed", None): 1,
        (image_id(0, "test"), DOG, "unchanged", 1.0): 1,
    }
)


@pytest.fixture(scope="module")
def compared(
    spark: SparkSession, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, ChangesOutcome]:
    """(a warehouse with EARLIER as v2 and LATER as v3, what compared them told); never written to."""
    folder = tmp_path_factory.mktemp("boxes")
    for name, members, nodes in (("v2", EARLIER, HIERARCHY), ("v3", LATER, DOG_BELOW_TREE)):
        landing = land(folder / name, members)
        (landing / TAG / "bbox_hierarchy.json").write_text(json.dumps(nodes))
        here = replace(settings, warehouse=str(folder / "lake"), landing=str(landing))
        release = replace(registry.find_release("v3"), release=name)
        ingest(here, release)
        reconcile(here, release, reconcile_policy.load_policy())
    return here.warehouse, changes(here, "v2", "v3")


def box_rows(lake: str) -> list[dict[str, Any]]:
    return [row.asDict() for row in api.read("box_changes", release="v3", warehouse=lake).collect()]


def in_short(rows: list[dict[str, Any]]) -> Counter[tuple[Any, ...]]:
    return Counter((row["image_id"], row["mid"], row["change"], row["iou"] and round(row["iou"], 6)) for row in rows)


def test_every_planted_box_is_told(compared: tuple[str, ChangesOutcome]):
    rows = box_rows(compared[0])
    assert in_short(rows) == EXPECTED
    assert compared[1].changes["boxes"] == {"unchanged": 3, "redrawn": 2, "added": 3, "removed": 3}
    redrawn = [row for row in rows if row["change"] == "redrawn"]
    assert [(row["from_x_min"], row["to_x_min"], row["attributes_changed"]) for row in redrawn] == [
        (0.0, 0.0, ["is_occluded", "is_group_of"]),
        (0.25, 0.2, []),
    ]
    assert {(row["from_subset"], row["to_subset"], row["from_source"], row["to_source"]) for row in redrawn} == {
        ("validation", "validation", "freeform", "xclick")
    }


def test_a_positive_that_gave_way_to_a_class_below_it_is_told_from_a_withdrawn_one(
    compared: tuple[str, ChangesOutcome],
):
    rows = api.read("label_changes", release="v3", warehouse=compared[0]).where("from_verdict IS NOT NULL").collect()
    told = {(row["image_id"], row["mid"]): row["change"] for row in rows}
    assert (told[FIRST, TREE], told[SECOND, TREE]) == ("made_leaf_most", "removed")
    assert compared[1].changes["labels"]["made_leaf_most"] == 1
    assert "made_leaf_most" in compared[1].as_text()


def test_ranges_and_chunks_change_nothing(
    settings: Settings, compared: tuple[str, ChangesOutcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    lake = str(shutil.copytree(compared[0], tmp_path / "lake"))
    monkeypatch.setattr(key_ranges, "SHARED", 1)
    monkeypatch.setattr("oilake.jobs.reconciling.compare_tables.LARGEST", 2)
    assert changes(replace(settings, warehouse=lake), "v2", "v3", force=True).changes == compared[1].changes
    assert len(list(Path(lake, "box_changes").rglob("*.parquet"))) > 2
    assert sorted(map(repr, box_rows(lake))) == sorted(map(repr, box_rows(compared[0])))


def test_all_neighbours_are_compared_by_one_call(oilake: Oilake, compared: tuple[str, ChangesOutcome]):
    code, out, _ = oilake("changes", "--all", "--warehouse", compared[0], "--json")
    assert (code, [(told["from_release"], told["to_release"]) for told in json.loads(out)]) == (0, [("v2", "v3")])
    code, _, err = oilake("changes", "--all", "--to", "v3", "--warehouse", compared[0])
    assert (code, err) == (
        2,
        "oilake: --all compares every release with the next one; leave out --from and --to\n",
    )
    code, _, err = oilake("changes", "--from", "v2", "--warehouse", compared[0])
    assert (code, err) == (
        2,
        "oilake: name two releases with --from and --to, or compare each with the next one by --all\n",
    )


def test_the_story_of_an_image_and_of_a_class_tells_their_boxes(oilake: Oilake, compared: tuple[str, ChangesOutcome]):
    _, out, _ = oilake("history", "--image", SEEN, "--warehouse", compared[0])
    assert out.splitlines()[-2:] == [
        f"v2 to v3: {TREE} boxes: 1 added, 1 removed",
        f"v2 to v3: {DOG} boxes: 2 redrawn (IoU 0.80, 0.82)",
    ]
    _, out, _ = oilake("history", "--mid", DOG, "--warehouse", compared[0])
    assert out.splitlines()[-1] == "v2 to v3: boxes: 2 unchanged, 2 redrawn, 1 added, 1 removed"


def test_what_was_compared_keeps_its_promises(oilake: Oilake, compared: tuple[str, ChangesOutcome], tmp_path: Path):
    lake = str(shutil.copytree(compared[0], tmp_path / "lake"))
    code, out, _ = oilake("check", "box_changes", "--warehouse", lake)
    assert code == 0, out
