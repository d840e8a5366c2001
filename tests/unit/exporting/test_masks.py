"""Masks of exports: run lengths as pycocotools reads them, outlines that cover the same pixels."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from oilake.jobs.blobs.run_lengths import decode_runs, encode_runs, mask_runs
from oilake.jobs.exporting.export_classes import mark_classes
from oilake.jobs.exporting.mask_polygons import mask_polygon, signed_area
from tests.support import export_lake
from tests.support.export_lake import HEIGHT, MASKS, WIDTH
from tests.support.mask_zips import write_zip
from tests.support.releases import CAT, DOG
from tests.unit.exporting.conftest import Export, ellipse

Pixels = np.ndarray[Any, np.dtype[np.bool_]]


@hypothesis_settings(max_examples=100, deadline=None)
@given(st.integers(1, 40), st.integers(1, 90), st.integers(0, 2**32), st.sampled_from([0.0, 0.02, 0.5, 1.0]))
def test_runs_are_read_as_they_were_written(height: int, width: int, seed: int, share: float) -> None:
    pixels = np.random.default_rng(seed).random((height, width)) < share
    runs = mask_runs(pixels)
    assert int(runs.sum()) == pixels.size
    assert (runs[1:] > 0).all()
    assert np.array_equal(decode_runs(encode_runs(runs).encode()), runs)


@pytest.mark.lengthy
def test_masks_are_in_the_pixels_of_their_image(export: Export, out: Path, landing: Path) -> None:
    counts = export("coco-masks", "--landing", str(landing), "--subset", "train")
    assert (counts["images"], counts["masks"], counts["left_out"]) == (1, 1, 1)
    coco = json.loads((out / "annotations" / "masks_train.json").read_text())
    (entry,) = coco["annotations"]
    (image,) = coco["images"]
    places = {category["freebase_id"]: category["id"] for category in coco["categories"]}
    assert entry["category_id"] == places[DOG]
    assert (image["neg_category_ids"], image["width"]) == ([places[CAT]], WIDTH)
    assert entry["area"] == pytest.approx(ellipse().mean() * WIDTH * HEIGHT, rel=0.02)
    assert entry["bbox"] == pytest.approx([10 / 200 * WIDTH, 0.1 * HEIGHT, 0.9 * WIDTH, 0.8 * HEIGHT], abs=6)
    with (out / "masks_left_out.csv").open() as stream:
        assert [row["reason"] for row in csv.DictReader(stream)] == ["it has no pixel of an object"]


def test_pycocotools_reads_the_masks_and_scores_them(export: Export, out: Path, landing: Path) -> None:
    coco = pytest.importorskip("pycocotools.coco", reason="install the extra export-tests to load COCO by pycocotools")
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    area = pytest.importorskip("pycocotools.mask").area
    export("coco-masks", "--landing", str(landing), "--subset", "train")
    truth = coco.COCO(str(out / "annotations" / "masks_train.json"))
    (entry,) = truth.loadAnns(truth.getAnnIds())
    assert int(area(truth.annToRLE(entry))) == entry["area"]
    decoded = truth.annToMask(entry).astype(bool)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    assert np.array_equal(
        decoded, ellipse()[((y + 0.5) * 100 / HEIGHT).astype(int), ((x + 0.5) * 200 / WIDTH).astype(int)]
    )
    score = evaluation.COCOeval(truth, truth.loadRes([{**entry, "score": 0.9}]), "segm")
    score.evaluate()
    score.accumulate()
    score.summarize()
    assert score.stats[0] == pytest.approx(1)


def drawn_polygon(points: Any, width: int, height: int) -> Pixels:
    """The pixels in a polygon of fractions, drawn at eight times the size."""
    picture = Image.new("1", (width * 8, height * 8))
    ImageDraw.Draw(picture).polygon([(x * width * 8, y * height * 8) for x, y in points], fill=1)
    return np.asarray(picture)[4::8, 4::8]


def test_an_outline_covers_the_object_its_parts_and_its_holes() -> None:
    filled = ellipse()
    filled[30:71, 50:91] = True
    points = mask_polygon(ellipse())
    covered = drawn_polygon(points, 200, 100)
    assert np.count_nonzero(covered & filled) / np.count_nonzero(covered | filled) > 0.97
    assert signed_area(points * (200, 100)) == pytest.approx(filled.sum(), rel=0.02)


@pytest.mark.parametrize("side", [1, 2])
def test_the_smallest_mask_has_an_outline_in_the_picture(side: int) -> None:
    points = mask_polygon(np.ones((side, side), np.bool_))
    assert len(points) >= 3
    assert ((points >= 0) & (points <= 1)).all()


def test_yolo_segments_are_a_line_a_mask(export: Export, out: Path, landing: Path) -> None:
    counts = export("yolo-segments", "--landing", str(landing), "--subset", "train")
    assert (counts["images"], counts["masks"], counts["left_out"]) == (1, 1, 1)
    names = yaml.safe_load((out / "data.yaml").read_text())
    (line,) = (out / "labels" / "train" / f"{MASKS[0]['image_id']}.txt").read_text().splitlines()
    place, *edges = line.split()
    assert names["mids"][int(place)] == DOG
    points = np.array(edges, np.float64).reshape(-1, 2)
    assert np.abs(points - mask_polygon(ellipse())).max() < 1e-5


REFUSED = {
    "no zip": (("--landing", "{empty}"), "none of the zips of v7's masks"),
    "not the zip": (("--landing", "{other}", "--subset", "train"), "with masks of the chosen images is not here"),
    "no mask": (("--landing", "{empty}", "--where", "rotation IS NULL AND subset = 'train'"), "has a mask"),
}


@pytest.mark.lengthy
@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("kind", ["coco-masks", "yolo-segments"])
def test_what_is_missing_is_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, refused: Callable[..., str], name: str, kind: str
) -> None:
    flags, sentence = REFUSED[name]
    other = tmp_path_factory.mktemp("other")
    write_zip(other / "v5" / "train-masks" / "train-masks-f.zip", [])
    places = {"empty": tmp_path_factory.mktemp("empty"), "other": other}
    assert sentence in refused(kind, *(flag.format(**places) for flag in flags))


@pytest.mark.lengthy
def test_a_mask_that_is_no_picture_is_told_of(export: Export, out: Path, landing: Path) -> None:
    counts = export("coco-masks", "--landing", str(landing), "--subset", "validation")
    assert (counts["images"], counts["masks"], counts["left_out"]) == (1, 0, 1)
    assert "it is no PNG" in (out / "masks_left_out.csv").read_text()
    assert export_lake.RELEASE == "v7"


@pytest.mark.parametrize("name", ["yolo", "coco"])
def test_masks_whose_log_is_gone_hinder_no_export_of_boxes(
    lake: str, export: Export, refused: Callable[..., str], out: Path, tmp_path: Path, name: str
) -> None:
    broken = str(shutil.copytree(lake, tmp_path / "lake"))
    shutil.rmtree(tmp_path / "lake" / "masks" / "_delta_log")
    assert export(name, "--warehouse", broken) == export(name, place=out.with_name("other")) | {"place": str(out)}
    shutil.rmtree(out)
    assert "masks: the table is gone" in refused("yolo-segments", warehouse=broken)


def test_a_class_that_only_masks_have_takes_no_number_from_a_box_class() -> None:
    rows = [{"mid": DOG, "is_boxable": True}, {"mid": "/m/0", "is_boxable": False}]
    assert mark_classes(rows, [CAT]) == (CAT, DOG)
    assert mark_classes(rows, [CAT], ["/m/0", DOG]) == (CAT, DOG, "/m/0")
