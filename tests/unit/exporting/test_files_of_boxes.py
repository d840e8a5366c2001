"""YOLO and Pascal VOC, as readers of their own see them, say what the tables say."""

from __future__ import annotations

import csv
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import yaml

from oilake.jobs.exporting.voc_format import _object_element, _pixel_span
from tests.support.export_lake import HEIGHT, KEPT_BOXES, WIDTH, Row
from tests.support.releases import CAT, DOG, image_id
from tests.support.view_lake import EDGES
from tests.unit.exporting.conftest import Export

BOXED = {"train": [image_id(0), image_id(1)], "validation": [image_id(0, "validation")]}


def boxes_of(subset: str, image: str) -> list[Row]:
    return [box for box in KEPT_BOXES if (box["subset"], box["image_id"]) == (subset, image)]


def test_yolo_holds_every_box_of_the_images_that_have_one(export: Export, out: Path) -> None:
    assert export("yolo") == {"format": "yolo", "place": str(out), "images": 3, "boxes": 5, "classes": 6}
    data = yaml.safe_load((out / "data.yaml").read_text())
    assert (data["train"], data["val"], data["nc"]) == ("train.txt", "validation.txt", 6)
    assert len(set(data["names"].values())) == 6
    for subset, images in BOXED.items():
        assert (out / f"{subset}.txt").read_text().split() == [f"./images/{subset}/{image}.jpg" for image in images]
        assert sorted(path.stem for path in (out / "labels" / subset).iterdir()) == images
        for image in images:
            lines = (out / "labels" / subset / f"{image}.txt").read_text().splitlines()
            for line, box in zip(lines, boxes_of(subset, image), strict=True):
                place, *numbers = line.split(" ")
                x, y, width, height = map(float, numbers)
                assert data["mids"][int(place)] == box["mid"]
                edges = (x - width / 2, x + width / 2, y - height / 2, y + height / 2)
                assert edges == pytest.approx([box[edge] for edge in EDGES], abs=2e-9)


def test_yolo_of_a_class_leaves_out_the_boxes_of_others(export: Export, out: Path) -> None:
    assert export("yolo", "--mid", "Cat", "--subset", "train")["boxes"] == 1
    (file,) = (out / "labels" / "train").iterdir()
    data = yaml.safe_load((out / "data.yaml").read_text())
    assert data["mids"][int(file.read_text().split()[0])] == CAT


def test_voc_holds_every_box_in_whole_pixels_and_what_is_known_of_it(export: Export, out: Path) -> None:
    assert export("voc")["boxes"] == len(KEPT_BOXES)
    with (out / "classes.csv").open() as stream:
        mids = {row["name"]: row["mid"] for row in csv.DictReader(stream)}
    for subset, images in BOXED.items():
        assert (out / "ImageSets" / "Main" / f"{subset}.txt").read_text().split() == images
        for image in images:
            tree = ElementTree.parse(out / "Annotations" / f"{image}.xml")
            assert (tree.findtext("folder"), tree.findtext("filename")) == (subset, f"{image}.jpg")
            assert (tree.findtext("size/width"), tree.findtext("size/height")) == (str(WIDTH), str(HEIGHT))
            for thing, box in zip(tree.findall("object"), boxes_of(subset, image), strict=True):
                assert mids[thing.findtext("name", "")] == box["mid"]
                edges = [int(thing.findtext(f"bndbox/{tag}", "")) for tag in ("xmin", "xmax", "ymin", "ymax")]
                sides = (WIDTH, WIDTH, HEIGHT, HEIGHT)
                for n, (edge, side) in enumerate(zip(EDGES, sides, strict=True)):
                    assert edges[n] - (n % 2 == 0) == round(box[edge] * side)
                known = {"truncated": box["is_truncated"], "occluded": box["is_occluded"]}
                for tag, value in known.items():
                    assert thing.findtext(tag) == (None if value is None else str(int(value)))
                attributes = {a.findtext("name"): a.findtext("value") for a in thing.findall("attributes/attribute")}
                others = {name: box[name] for name in ("is_group_of", "is_depiction", "is_inside")}
                assert attributes == {name: str(value).lower() for name, value in others.items() if value is not None}


def test_voc_writes_a_box_of_no_width_as_one_pixel_within_the_picture() -> None:
    assert [_pixel_span(at, at, 10) for at in (0.0, 0.5, 1.0)] == [(1, 1), (6, 6), (10, 10)]
    assert _pixel_span(0.0, 1.0, 10) == (1, 10)


def test_names_that_xml_would_read_as_markup_are_read_back(tmp_path: Path) -> None:
    box = boxes_of("train", image_id(0))[0] | {"mid": DOG}
    assert (
        ElementTree.fromstring(ElementTree.tostring(_object_element(box, "Tom & <b>J\x00</b>", 10, 10))).findtext(
            "name"
        )
        == "Tom & <b>J\ufffd</b>"
    )
