"""Masks, relationships and points of the sample, read as a stranger would: counts, what they lie on, and their lists."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

from oilake.conf.mask_rules import load_mask_rules
from oilake.jobs.masking.mask_kernel import MaskContext, MaskSplit, check_masks
from oilake.jobs.synthetic import ground_truth, mask_images
from oilake.jobs.synthetic.plan import FLOOR
from oilake.jobs.tables.staging import read_staged
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas.release_registry import load_releases
from tests.support import mask_zips
from tests.support import plain_sample as reading
from tests.support.samples import write_sample

pytestmark = pytest.mark.lengthy

SCALE = 0.0005
SUBSETS = ("train", "validation", "test")
MASKS = "v5/{}-annotations-object-segmentation.csv"
RELATIONSHIPS = {
    "v5": [
        "2019_01/train/challenge-2018-train-vrd.csv",
        "v5/validation-annotations-vrd.csv",
        "v5/test-annotations-vrd.csv",
    ],
    "v6": [f"v6/oidv6-{subset}-annotations-vrd.csv" for subset in SUBSETS],
}
LISTS = {"v5": "2019_01/challenge-2018-", "v6": "v6/oidv6-"}
EDGES = ("XMin", "XMax", "YMin", "YMax")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tables = (
        "boxes,labels,classes,masks,relationships,points,relationship_triplets,relationship_descriptions,attributes"
    )
    chosen = ("--releases", "v4,v5,v6,v7", "--tables", tables)
    return write_sample(tmp_path_factory.mktemp("sample") / "drawings", "--scale", str(SCALE), *chosen)


def scaled(count: int, subset: str) -> int:
    return round(count * max(SCALE, FLOOR[subset]))


def plain_lines(sample: Path, name: str) -> list[list[str]]:
    with (sample / name).open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_pngs_of_masks_are_as_their_truth_tells(sample: Path, tmp_path: Path):
    """Three readings agree: the sample's own truth, zipfile with Pillow, and the kernel of `verify --masks`."""
    truth, rules = ground_truth.read_truth(sample, "masks.csv"), load_mask_rules()
    told: dict[str, tuple[object, ...]] = {}
    for subset in SUBSETS:
        rows, zips = sample / MASKS.format(subset), sorted((sample / f"v5/{subset}-masks").iterdir())
        assert [path.name for path in zips] == [f"{subset}-masks-{digit}.zip" for digit in "0123456789abcdef"]
        expected = {row["mask_path"]: row for row in truth if row["subset"] == subset}
        found = mask_zips.independent_checks(rows, zips)
        assert {name: check[0] for name, check in found.items()} == {
            name: mask_zips.STATUSES[row["fault"]] for name, row in expected.items()
        }
        files = {subset: (mask_zips.write_rows(tmp_path / f"{subset}.parquet", mask_zips.published_rows(rows)),)}
        context = MaskContext(Warehouse.at(str(tmp_path / "lake")), "v5", "run", rules, files)
        for path in zips:
            split = MaskSplit(subset, path.stem[-1], f"v5/{path.parent.name}/{path.name}", str(path))
            for outcome in check_masks(split, context):
                for row in read_staged(context.warehouse, outcome.staged[0]).to_pylist() if outcome.staged else ():
                    assert row["archive"] == expected[row["mask_path"]]["archive"]
                    told[row["mask_path"]] = row["status"], row["width"], row["height"], row["foreground_share"]
        assert {name: told[name] for name in found} == found
    for row in truth:
        if told[row["mask_path"]][1] is not None:
            pixels = int(row["pixels"]) / (int(row["width"]) * int(row["height"]))
            assert told[row["mask_path"]][1:] == (int(row["width"]), int(row["height"]), pixels)
    assert {row["fault"] for row in truth} == {"", *mask_images.FAULTS}
    assert len(told) == len(truth)


def test_masks_are_painted_in_boxes_of_segmentable_classes(sample: Path):
    segmentable = {line[0] for line in plain_lines(sample, "v5/classes-segmentation.txt")}
    for subset, count in zip(SUBSETS, (2_686_666, 24_730, 74_102), strict=True):
        masks, boxes = reading.rows(sample, MASKS.format(subset)), reading.boxes(sample, "v5", subset)
        assert 0 < len(masks) <= scaled(count, subset)
        assert {row["LabelName"] for row in masks} <= segmentable
        for row in masks:
            image, mid, box = row["ImageID"], row["LabelName"], row["BoxID"]
            assert row["MaskPath"] == f"{image}_{mid.replace('/', '')}_{box}.png"
            edges = [float(row[f"Box{edge}"]) for edge in EDGES]
            assert any(edges == pytest.approx(sides, abs=1e-6) for sides in boxes[image, mid])
            assert bool(row["PredictedIoU"]) == (subset == "train")
            clicks = [click.split() for click in row["Clicks"].split(";")] if row["Clicks"] else []
            assert all(0 <= float(x) <= 1 and 0 <= float(y) <= 1 and kind in "01" for x, y, kind in clicks)
        assert any(row["Clicks"] for row in masks) == (subset == "train")
        assert len({row["MaskPath"] for row in masks}) == len(masks)


@pytest.mark.parametrize("release", RELATIONSHIPS)
def test_relationships_are_triplets_that_are_listed(sample: Path, release: str):
    header, *triplets = plain_lines(sample, f"{LISTS[release]}relationship-triplets.csv")
    attributes = dict(plain_lines(sample, f"{LISTS[release]}attributes-description.csv"))
    words = dict(plain_lines(sample, f"{LISTS[release]}relationships-description.csv"))
    assert all(re.fullmatch(r"/m/0[0-9b-df-hj-np-tv-z_]+", mid) for mid in attributes)
    listed = {tuple(triplet) for triplet in triplets}
    assert header == ["LabelName1", "LabelName2", "RelationshipLabel"]
    assert len(listed) == len(triplets)
    found = Counter[str]()
    for name, subset in zip(RELATIONSHIPS[release], SUBSETS, strict=True):
        boxes = reading.boxes(sample, release, subset)
        for row in reading.rows(sample, name):
            found[row["RelationshipLabel"]] += 1
            assert (row["LabelName1"], row["LabelName2"], row["RelationshipLabel"]) in listed
            same_box = all(row[f"{edge}1"] == row[f"{edge}2"] for edge in EDGES)
            is_attribute = row["RelationshipLabel"] == "is"
            assert is_attribute == (row["LabelName2"] in attributes)
            assert same_box or not is_attribute
            edges = [float(row[f"{edge}1"]) for edge in EDGES]
            sides = boxes[row["ImageID"], row["LabelName1"]]
            assert any(edges == pytest.approx(box, abs=1e-6) for box in sides)
    assert found["is"] > 0
    assert found.keys() <= words.keys()


def test_points_ask_about_labels_of_people(sample: Path):
    for name, subset in (("train", "train"), ("val", "validation"), ("test", "test")):
        verdicts = reading.verdicts(sample, "v7", subset)
        points = reading.rows(sample, f"v7/oidv7-{name}-annotations-point-labels.csv")
        assert points
        for row in points:
            said = verdicts[row["ImageId"], row["Label"]]
            assert row["EstimatedYesNo"] in (said, "unsure")
            votes = {"yes": row["YesVotes"], "no": row["NoVotes"], "unsure": row["UnsureVotes"]}
            assert int(votes.pop(row["EstimatedYesNo"])) > 0
            assert set(votes.values()) == {"0"}


def test_the_registry_of_the_sample_states_what_was_written(sample: Path):
    published = {name: release.published for name, release in load_releases(str(sample / "registry")).items()}
    for subset in SUBSETS:
        masks = reading.rows(sample, MASKS.format(subset))
        assert published["v7"].masks[subset] == len(masks)
        assert published["v7"].images_with_masks[subset] == len({row["ImageID"] for row in masks})
    for subset, name in zip(SUBSETS, RELATIONSHIPS["v6"], strict=True):
        assert published["v6"].relationships[subset] == len(reading.rows(sample, name))
    triplets = plain_lines(sample, "v6/oidv6-relationship-triplets.csv")
    assert published["v6"].relationship_triplets == len(triplets) - 1
