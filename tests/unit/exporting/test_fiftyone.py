"""FiftyOne loads COCO and YOLO as we write them, and its own evaluation gives our figures on random predictions."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from oilake.jobs import cli
from tests.support import mongo_server
from tests.support.consumers import consumer_python
from tests.support.export_lake import RELEASE
from tests.support.export_readers import BoxesByImage, ReadBox, compare_boxes, kept_boxes
from tests.support.predicted_world import SUBSET, write_world
from tests.unit.exporting.conftest import Export

pytestmark = pytest.mark.consumers
REQUIREMENT = "fiftyone==1.22.1"
LOAD = """
import json, sys
import fiftyone as fo
folder, pictures, subset = sys.argv[1:]
loads = {
    "coco": dict(dataset_type=fo.types.COCODetectionDataset, data_path=pictures,
                 labels_path=f"{folder}/annotations/instances_{subset}.json", label_types=["detections"]),
    "yolo": dict(dataset_type=fo.types.YOLOv5Dataset, dataset_dir=folder, yaml_path="data.yaml",
                 split={"validation": "val"}.get(subset, subset)),
}

dataset = fo.Dataset.from_dir(**loads[__KIND__], progress=False)
rows = {}
for sample in dataset:
    image = sample.filepath.rpartition("/")[2].partition(".")[0]
    boxes = sample.ground_truth.detections if sample.ground_truth else []
    rows[image] = [[box.label, *box.bounding_box] for box in boxes]
print("rows " + json.dumps(rows))
"""
EVALUATE = """
import csv, json, pathlib, sys
import fiftyone as fo
folder = pathlib.Path(sys.argv[1])
def by_image(name):
    rows = {}
    for row in csv.DictReader((folder / name).open()):
        rows.setdefault(row["ImageID"], []).append(row)
    return rows
def detections(rows):
    boxes_of_image = []
    for row in rows:
        left, right, top, bottom = (float(row[edge]) for edge in ("XMin", "XMax", "YMin", "YMax"))
        box = fo.Detection(label=row["LabelName"], bounding_box=[left, top, right - left, bottom - top])
        if "Score" in row:
            box.confidence = float(row["Score"])
        else:
            box["IsGroupOf"] = row["IsGroupOf"] == "1"
        boxes_of_image.append(box)
    return fo.Detections(detections=boxes_of_image)
def said(rows, value):
    return fo.Classifications(
        classifications=[fo.Classification(label=row["LabelName"]) for row in rows if row["Confidence"] == value])
boxes, labels, claims = map(by_image, ("boxes.csv", "labels.csv", "predictions.csv"))
dataset = fo.Dataset()
dataset.add_samples([
    fo.Sample(filepath=f"/pictures/{image}.jpg", ground_truth=detections(boxes.get(image, [])),
              predictions=detections(claims.get(image, [])), positive=said(labels.get(image, []), "1"),
              negative=said(labels.get(image, []), "0"))
    for image in sorted({*boxes, *labels})], progress=False)
results = dataset.evaluate_detections(
    "predictions", gt_field="ground_truth", method="open-images", pos_label_field="positive", neg_label_field="negative",
    progress=False)
names = (folder / "classes.txt").read_text().split()
print("rows " + json.dumps({"all": results.mAP(), **{name: results.mAP([name]) for name in names}}))
"""

RunFiftyone = Callable[..., Any]


@pytest.fixture(scope="module")
def fiftyone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunFiftyone]:
    """Runs a script of FiftyOne's, which keeps its datasets in a server of its own, and returns what it tells."""
    python, home = consumer_python("fiftyone", REQUIREMENT), tmp_path_factory.mktemp("fiftyone")
    with mongo_server.running_or_skip() as uri:
        places = {"FIFTYONE_DATABASE_URI": uri, "HOME": str(home), "FIFTYONE_DO_NOT_TRACK": "true"}
        places |= {"FIFTYONE_DATABASE_VALIDATION": "false"}

        def run(script: str, *words: str) -> Any:
            call = [python, "-c", script, *words]
            done = subprocess.run(call, capture_output=True, text=True, env={**os.environ, **places}, check=False)
            assert done.returncode == 0, done.stderr[-3000:]
            (line,) = (line for line in done.stdout.splitlines() if line.startswith("rows "))
            return json.loads(line.removeprefix("rows "))

        yield run


@pytest.mark.parametrize("kind", ["coco", "yolo"])
def test_its_importers_find_every_box(
    lake: str, export: Export, out: Path, blobs: Path, fiftyone: RunFiftyone, kind: str
) -> None:
    export(kind)
    if kind == "yolo":
        shutil.copytree(blobs, out / "images")
    read: BoxesByImage = {}
    for subset in ("train", "validation"):
        rows = fiftyone(LOAD.replace("__KIND__", repr(kind)), str(out), str(blobs), subset)
        read |= {
            image: [ReadBox(name, x, x + width, y, y + height) for name, x, y, width, height in boxes]
            for image, boxes in rows.items()
        }
    compare_boxes(kind, read, kept_boxes(lake))


@pytest.mark.parametrize("seed", [1, 2])
def test_its_evaluation_gives_our_figures(
    tmp_path: Path, fiftyone: RunFiftyone, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    """Of classes of which none is above another: FiftyOne counts a box for the class that it met first, and not above it."""
    place = write_world(tmp_path, images=100, classes=8, seed=seed, is_flat=True)
    words = ["evaluate", "--predictions", str(tmp_path / "predictions.csv"), "--release", RELEASE, "--subset", SUBSET]
    assert cli.main([*words, "--warehouse", place, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    averages = {row["key"]: row["average"] for row in report["classes"] if row["average"] is not None}
    theirs = fiftyone(EVALUATE, str(tmp_path))
    assert {"all": report["figures"]["mAP@0.5IOU"], **averages} == pytest.approx(theirs, abs=1e-9)
