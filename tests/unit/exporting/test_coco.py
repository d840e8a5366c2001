"""COCO instances, as pycocotools loads them, say what the tables say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.export_lake import COMPUTER_MOUSE, HEIGHT, KEPT_BOXES, MOUSE, NAMES, WIDTH
from tests.support.releases import CAT, DOG, TREE, image_id
from tests.support.view_lake import ANIMAL, EDGES, FLAGS
from tests.unit.exporting.conftest import Export


def content(out: Path, subset: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((out / "annotations" / f"instances_{subset}.json").read_text())
    return loaded


@pytest.mark.lengthy
def test_coco_holds_every_box_but_those_that_a_correction_drops(export: Export, out: Path) -> None:
    assert export("coco")["annotations"] == len(KEPT_BOXES)
    rows = []
    for subset in ("train", "validation"):
        coco = content(out, subset)
        ids = {image["id"]: image["open_images_id"] for image in coco["images"]}
        mids = {category["id"]: category["freebase_id"] for category in coco["categories"]}
        for entry in coco["annotations"]:
            left, top, width, height = entry["bbox"]
            edges = (left / WIDTH, (left + width) / WIDTH, top / HEIGHT, (top + height) / HEIGHT)
            flags = [entry.get(flag) for flag in FLAGS]
            assert entry["iscrowd"] == int(entry.get("is_group_of", False))
            rows.append((subset, ids[entry["image_id"]], mids[entry["category_id"]], flags, edges))
    for row, box in zip(rows, sorted(KEPT_BOXES, key=lambda box: (box["subset"], box["image_id"])), strict=True):
        assert row[:3] == (box["subset"], box["image_id"], box["mid"])
        assert row[3] == [box[flag] for flag in FLAGS]
        assert row[4] == pytest.approx([box[edge] for edge in EDGES], abs=1e-12)


def test_what_is_denied_and_what_is_not_all_drawn_is_told_of_an_image(export: Export, out: Path) -> None:
    export("coco", "--subset", "train")
    coco = content(out, "train")
    ids = {category["freebase_id"]: category["id"] for category in coco["categories"]}
    first, second, third = coco["images"]
    assert (first["neg_category_ids"], first["not_exhaustive_category_ids"]) == ([ids[CAT]], [ids[ANIMAL]])
    assert (second["neg_category_ids"], second["not_exhaustive_category_ids"]) == ([ids[DOG]], [ids[CAT]])
    assert (third["neg_category_ids"], third["not_exhaustive_category_ids"]) == ([], [ids[CAT]])
    assert first["file_name"] == f"train/{image_id(0)}.jpg"
    assert "license" not in third


def test_categories_keep_their_numbers_and_shared_names_tell_their_mids(export: Export, out: Path) -> None:
    export("coco", "--mid", "cat", "--subset", "train")
    coco = content(out, "train")
    assert [category["freebase_id"] for category in coco["categories"]] == sorted({*NAMES} - {"/m/0c_jw"})
    names = {category["freebase_id"]: category["name"] for category in coco["categories"]}
    assert (names[MOUSE], names[COMPUTER_MOUSE], names[TREE]) == (
        f"Mouse ({MOUSE})",
        f"Mouse ({COMPUTER_MOUSE})",
        "Tree",
    )
    assert len(coco["annotations"]) == 1


def test_pycocotools_loads_and_scores_it(export: Export, out: Path) -> None:
    coco = pytest.importorskip("pycocotools.coco", reason="install the extra export-tests to load COCO by pycocotools")
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    export("coco", "--subset", "train")
    truth = coco.COCO(str(out / "annotations" / "instances_train.json"))
    assert len(truth.getAnnIds()) == len([box for box in KEPT_BOXES if box["subset"] == "train"])
    assert truth.loadCats(truth.getCatIds(catNms=["Dog"]))[0]["freebase_id"] == DOG
    (crowd,) = truth.loadAnns(truth.getAnnIds(iscrowd=True))
    assert truth.loadImgs(crowd["image_id"])[0]["open_images_id"] == image_id(1)
    predictions = [{**entry, "score": 0.9} for entry in truth.loadAnns(truth.getAnnIds(iscrowd=False))]
    score = evaluation.COCOeval(truth, truth.loadRes(predictions), "bbox")
    score.evaluate()
    score.accumulate()
    score.summarize()
    assert score.stats[0] == pytest.approx(1)
