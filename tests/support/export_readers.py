"""Each format as the program that people read it by sees it: the boxes of every image, by the names of their classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from deltalake import DeltaTable

from oilake.jobs.exporting.export_classes import name_classes
from tests.support.consumers import consumer_python, run_consumer
from tests.support.export_lake import DROPPED, RELEASE
from tests.support.releases import image_id
from tests.support.view_lake import EDGES

REQUIREMENTS = (
    "datasets==5.2.0", "faster-coco-eval==1.8.0", "pycocotools==2.0.11", "supervision==0.31.2", "tfrecord==1.14.6",
    "webdataset==1.0.2",
)  # fmt: skip
# A script of each format is given its folder and one of pictures, and prints a line an image: its ID, and its boxes as
# class, left, right, top, bottom.
COCO = """
for path in sorted(folder.glob("annotations/*.json")):
    from pycocotools.coco import COCO
    coco, again = COCO(str(path)), __import__("faster_coco_eval").COCO(str(path))
    assert coco.getAnnIds() == again.getAnnIds()
    names = {c["id"]: c["name"] for c in coco.loadCats(coco.getCatIds())}
    for image in coco.loadImgs(coco.getImgIds()):
        width, height, boxes = image["width"], image["height"], []
        for entry in coco.loadAnns(coco.getAnnIds(image["id"])):
            x, y, w, h = entry["bbox"]
            boxes.append([names[entry["category_id"]], x / width, (x + w) / width, y / height, (y + h) / height])
        tell(image["open_images_id"], boxes)
"""
SUPERVISED = """
import supervision, tempfile
from PIL import Image
def tell_dataset(read, size):
    for path, _, detections in read:
        width, height = size or Image.open(path).size
        edges = [[x / width, X / width, y / height, Y / height] for x, y, X, Y in detections.xyxy.tolist()]
        names = [read.classes[place] for place in detections.class_id.tolist()]
        tell(pathlib.Path(path).stem, [[name, *four] for name, four in zip(names, edges)])
"""
YOLO = (
    SUPERVISED
    + """
for subset in sorted(path.name for path in (folder / "labels").iterdir()):
    listed = [pathlib.Path(line).stem for line in (folder / f"{subset}.txt").read_text().split()]
    with tempfile.TemporaryDirectory() as images:
        for image in listed:
            os.link(pictures / subset / f"{image}.jpg", f"{images}/{image}.jpg")
        labels, data = folder / "labels" / subset, folder / "data.yaml"
        tell_dataset(supervision.DetectionDataset.from_yolo(images, str(labels), str(data)), None)
"""
)
VOC = (
    SUPERVISED
    + """
from xml.etree import ElementTree
size = ElementTree.parse(next((folder / "Annotations").iterdir())).find("size")
size = [int(size.findtext(side)) for side in ("width", "height")]
with tempfile.TemporaryDirectory() as images:
    for path in (folder / "ImageSets" / "Main").iterdir():
        for image in path.read_text().split():
            os.link(pictures / path.stem / f"{image}.jpg", f"{images}/{image}.jpg")
    read = supervision.DetectionDataset.from_pascal_voc(images, str(folder / "Annotations"))
    tell_dataset(read, size)
"""
)
HUGGINGFACE = """
import datasets
with __import__("tempfile").TemporaryDirectory() as cache:
    for rows in datasets.load_dataset(str(folder), cache_dir=cache).values():
        category = rows.features["objects"]["category"].feature
        for row in rows:
            assert row["image"].size == (8, 6)
            boxes = zip(row["objects"]["category"], row["objects"]["bbox"])
            tell(row["image_id"], [[category.int2str(place), x, X, y, Y] for place, (x, y, X, Y) in boxes])
"""
TFRECORD = """
from tfrecord.reader import tfrecord_loader
names = {}
for item in (folder / "label_map.pbtxt").read_text().split("item {")[1:]:
    names[int(item.split("id: ")[1].split("\\n")[0])] = json.loads(item.split("display_name: ")[1].split("\\n")[0])
edges = ["image/object/bbox/" + edge for edge in ("xmin", "xmax", "ymin", "ymax")]
kinds = {"image/source_id": "byte", "image/object/class/label": "int", **dict.fromkeys(edges, "float")}
for path in sorted(folder.glob("*.tfrecord")):
    for row in tfrecord_loader(str(path), None, kinds):
        columns = [row["image/object/class/label"].tolist(), *(row[edge].tolist() for edge in edges)]
        tell(bytes(row["image/source_id"]).decode(), [[names[place], *four] for place, *four in zip(*columns)])
"""
WEBDATASET = """
import csv, webdataset
names = {int(row["number"]): row["name"] for row in csv.DictReader((folder / "classes.csv").open())}
for path in sorted(folder.glob("*.tar")):
    for sample in webdataset.WebDataset(str(path), shardshuffle=False):
        row, (width, height) = json.loads(sample["json"]), __import__("PIL.Image").Image.open(io.BytesIO(sample["jpg"])).size
        assert (row["image_id"], width, height) == (sample["__key__"], 8, 6)
        boxes = zip(row["objects"]["category"], row["objects"]["bbox"])
        tell(sample["__key__"], [[names[place], x, X, y, Y] for place, (x, y, X, Y) in boxes])
"""
SCRIPTS = {
    "coco": COCO, "yolo": YOLO, "voc": VOC, "huggingface": HUGGINGFACE, "tfrecord": TFRECORD, "webdataset": WEBDATASET,
}  # fmt: skip
# How far an edge may be from the table's: a pixel of a thousand, half of it twice; fractions of 32 bits; or printed digits.
TOLERANCES = {"voc": 2.1e-3, "tfrecord": 1e-6, "yolo": 1e-6}
HEAD = """
import io, json, os, pathlib, sys
folder, pictures = map(pathlib.Path, sys.argv[1:])
def tell(image, boxes):
    print("box " + json.dumps([image, boxes]))
"""


class ReadBox(NamedTuple):
    """The class by its name in exports, and the edges as fractions."""

    name: str
    x_min: float
    x_max: float
    y_min: float
    y_max: float


BoxesByImage = dict[str, list[ReadBox]]


def read_boxes(name: str, folder: Path, pictures: Path) -> BoxesByImage:
    """The boxes of every image that the program finds, in the order of the table."""
    python = consumer_python("readers", *REQUIREMENTS)
    lines = run_consumer(python, HEAD + SCRIPTS[name], str(folder), str(pictures)).splitlines()
    rows = [json.loads(line.removeprefix("box ")) for line in lines if line.startswith("box ")]
    assert len({image for image, _ in rows}) == len(rows)
    return {image: sorted(ReadBox(*box) for box in boxes) for image, boxes in rows}


def table_boxes(lake: str, release: str) -> BoxesByImage:
    """The boxes of the release in the tables, of every image that is published."""

    def rows_of(table: str) -> list[dict[str, object]]:
        rows = DeltaTable(f"{lake}/{table}").to_pyarrow_table(filters=[("release", "=", release)])
        return list(rows.to_pylist())

    names = name_classes(rows_of("classes"))
    boxes: BoxesByImage = {str(row["image_id"]): [] for row in rows_of("images")}
    for row in rows_of("boxes"):
        mid = str(row["mid"])
        boxes[str(row["image_id"])].append(ReadBox(names.get(mid, mid), *(row[edge] for edge in EDGES)))  # type: ignore[arg-type]
    return {image: sorted(of_image) for image, of_image in boxes.items()}


def kept_boxes(lake: str) -> BoxesByImage:
    """The boxes of the lake of `export_lake`, without the one that a correction leaves out."""
    boxes = table_boxes(lake, RELEASE)
    boxes[image_id(0)].remove(ReadBox("Dog", *DROPPED))
    return boxes


def compare_boxes(name: str, read: BoxesByImage, expected: BoxesByImage) -> None:
    """Fails where they differ by more than the format's tolerance. YOLO and VOC leave out images without a box."""
    if name in ("yolo", "voc"):
        expected = {image: boxes for image, boxes in expected.items() if boxes}
    assert read.keys() == expected.keys()
    tolerance = TOLERANCES.get(name, 1e-9)
    for image, boxes in expected.items():
        left = list(read[image])
        assert len(left) == len(boxes)
        for box in boxes:
            near = [other for other in left if other.name == box.name and _distance(other, box) <= tolerance]
            assert near, (image, box, left)
            left.remove(min(near, key=lambda other: _distance(other, box)))


def _distance(left: ReadBox, right: ReadBox) -> float:
    return max(abs(a - b) for a, b in zip(left[1:], right[1:], strict=True))
