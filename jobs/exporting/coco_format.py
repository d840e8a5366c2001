"""COCO instances: a JSON file a subset, with what people deny of an image, and of which classes not all is drawn."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from oilake.jobs.exporting.export_classes import ExportClasses
from oilake.jobs.exporting.image_blocks import ImageBlock, Row
from oilake.jobs.exporting.image_sizes import ImageSizes
from oilake.jobs.exporting.opened_export import OpenedExport
from oilake.jobs.transforms.boxes import ATTRIBUTES, COORDINATES

COLUMNS = {
    "images": ("original_url", "license", "rotation"),
    "boxes": ("mid", "source", *COORDINATES, *ATTRIBUTES),
    "image_labels": ("mid", "verdict"),
}


class ImageSlot(NamedTuple):
    """Where an image goes: its number in the file, its sides in pixels, and its file below the folder of images."""

    number: int
    width: int
    height: int
    file_name: str


class NextNumbers(NamedTuple):
    """The numbers of the next image and of the next annotation of a file."""

    image: int = 1
    annotation: int = 1


@dataclass(frozen=True)
class CocoRows:
    """Entries of `images` and of `annotations` of a block."""

    images: list[dict[str, Any]]
    annotations: list[dict[str, Any]]


@dataclass(frozen=True)
class LicenseNumbers:
    """The numbers of the licences that images have, by URL, as they are met."""

    numbers: dict[str, int]

    def number(self, url: str | None) -> int | None:
        """The number of a licence; None where none is listed."""
        return None if url is None else self.numbers.setdefault(url, len(self.numbers) + 1)

    def entries(self) -> list[dict[str, Any]]:
        """Entries of `licenses`."""
        return [{"id": number, "url": url, "name": url} for url, number in self.numbers.items()]


MakeRows = Callable[[ImageBlock, LicenseNumbers, NextNumbers], CocoRows]


def write_format(export: OpenedExport, folder: Path) -> dict[str, int]:
    """Writes `annotations/instances_<subset>.json`; ConfigError where boxes or the sides of images are missing."""
    export.require_table("boxes", "ingest")
    sizes = export.require_sizes()
    (folder / "annotations").mkdir()
    counts = {"images": 0, "annotations": 0, "categories": len(export.classes.mids)}

    def make_rows(block: ImageBlock, licenses: LicenseNumbers, numbers: NextNumbers) -> CocoRows:
        return coco_rows(block, export.classes, sizes, licenses, numbers, export.has_table("image_labels"))

    for subset in export.subsets:
        target = folder / "annotations" / f"instances_{subset}.json"
        numbers = write_subset(export, subset, target, COLUMNS, make_rows)
        counts["images"] += numbers.image - 1
        counts["annotations"] += numbers.annotation - 1
    return counts


def write_subset(
    export: OpenedExport, subset: str, target: Path, columns: Mapping[str, Sequence[str]], make_rows: MakeRows
) -> NextNumbers:
    """Writes the file of a subset, block by block; the numbers that would come next."""
    licenses, numbers, spool = LicenseNumbers({}), NextNumbers(), target.with_suffix(".annotations")
    with target.open("w", encoding="utf-8") as images, spool.open("w", encoding="utf-8") as annotations:
        images.write(f'{{"info": {json.dumps(_info(export, subset))},\n"images": [')
        for block in export.blocks(subset, columns):
            rows = make_rows(block, licenses, numbers)
            _write_entries(images, rows.images, numbers.image == 1)
            _write_entries(annotations, rows.annotations, numbers.annotation == 1)
            numbers = NextNumbers(numbers.image + len(rows.images), numbers.annotation + len(rows.annotations))
        images.write('],\n"annotations": [')
    with target.open("a", encoding="utf-8") as whole, spool.open(encoding="utf-8") as annotations:
        shutil.copyfileobj(annotations, whole)
        ending = {"categories": list(_categories(export.classes)), "licenses": licenses.entries()}
        whole.write(f"],\n{json.dumps(ending)[1:]}\n")
    spool.unlink()
    return numbers


def coco_rows(
    block: ImageBlock,
    classes: ExportClasses,
    sizes: ImageSizes,
    licenses: LicenseNumbers,
    numbers: NextNumbers,
    is_judged: bool,
) -> CocoRows:
    """The entries of a block, from these numbers on; `is_judged`: whether labels tell what is denied."""
    boxes, labels = block.rows_by_image("boxes"), block.rows_by_image("image_labels")
    images, annotations = [], list[dict[str, Any]]()
    for number, row in enumerate(block.rows("images"), numbers.image):
        image_id = row["image_id"]
        slot = ImageSlot(number, *sizes.sides(image_id), f"{block.subset}/{image_id}.jpg")
        drawn = boxes.get(image_id, [])
        judged = judged_classes(labels.get(image_id, []), drawn, classes) if is_judged else {}
        images.append(image_entry(row, slot, licenses.number(row["license"])) | judged)
        annotations += [
            box_entry(box, slot, classes.places[box["mid"]] + 1, n)
            for n, box in enumerate(drawn, numbers.annotation + len(annotations))
        ]
    return CocoRows(images, annotations)


def image_entry(row: Row, slot: ImageSlot, license_number: int | None) -> dict[str, Any]:
    """An entry of `images`; what is not known has no key."""
    entry = {
        "id": slot.number, "file_name": slot.file_name, "width": slot.width, "height": slot.height,
        "license": license_number, "flickr_url": row["original_url"],
        "open_images_id": row["image_id"], "rotation": row["rotation"],
    }  # fmt: skip
    return {name: value for name, value in entry.items() if value is not None}


def box_entry(box: Row, slot: ImageSlot, category: int, number: int) -> dict[str, Any]:
    """An entry of `annotations`, in pixels of the picture as it is stored; an unknown attribute has no key."""
    left, top = box["x_min"] * slot.width, box["y_min"] * slot.height
    width, height = (box["x_max"] - box["x_min"]) * slot.width, (box["y_max"] - box["y_min"]) * slot.height
    return {
        "id": number, "image_id": slot.number, "category_id": category, "bbox": [left, top, width, height],
        "area": width * height, "iscrowd": int(box["is_group_of"] is True), "source": box["source"],
        **{name: box[name] for name in ATTRIBUTES if box[name] is not None},
    }  # fmt: skip


def judged_classes(labels: Sequence[Row], boxes: Sequence[Row], classes: ExportClasses) -> dict[str, list[int]]:
    """Category IDs that are denied of an image, and those that are there though not each instance has a box of its own:
    people say so and no box is drawn, or a box stands for a group."""
    verdicts = {label["mid"]: label["verdict"] for label in labels if label["mid"] in classes.places}
    drawn = {box["mid"] for box in boxes}
    in_groups = {box["mid"] for box in boxes if box["is_group_of"]}
    not_drawn = {mid for mid, verdict in verdicts.items() if verdict == "positive"} - drawn
    denied = {mid for mid, verdict in verdicts.items() if verdict == "negative"} - drawn
    return {
        "neg_category_ids": sorted(classes.places[mid] + 1 for mid in denied),
        "not_exhaustive_category_ids": sorted(classes.places[mid] + 1 for mid in in_groups | not_drawn),
    }


def _categories(classes: ExportClasses) -> Iterator[dict[str, Any]]:
    for place, mid in enumerate(classes.mids):
        yield {"id": place + 1, "name": classes.name(mid), "freebase_id": mid}


def _info(export: OpenedExport, subset: str) -> dict[str, Any]:
    snapshot = export.snapshot
    return {
        "description": f"Open Images {snapshot.release}, {subset}",
        "version": f"{snapshot.release}, snapshot {snapshot.number}",
        "year": snapshot.published_at.year,
    }


def _write_entries(stream: TextIO, entries: Sequence[Mapping[str, Any]], is_first: bool) -> None:
    if entries:
        stream.write("\n" if is_first else ",\n")
        stream.write(",\n".join(json.dumps(entry) for entry in entries))
