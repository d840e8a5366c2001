"""COCO instances: a JSON file a subset, with what people deny of an image, and of which classes not all is drawn."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import pyarrow as pa
import pyarrow.compute as pc

from oilake.jobs.exporting.class_codes import PLACE, class_places, decided_labels
from oilake.jobs.exporting.coco_boxes import box_texts
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
    """Entries of `images` and of `annotations` of a block, as JSON."""

    images: list[str]
    annotations: list[str]


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
    judged = judged_images(block, classes) if is_judged else [{}] * len(block.image_ids)
    widths, heights = sizes.of_images(block.image_numbers)
    images = []
    for n, row in enumerate(block.rows("images")):
        slot = ImageSlot(numbers.image + n, int(widths[n]), int(heights[n]), f"{block.subset}/{row['image_id']}.jpg")
        images.append(json.dumps(image_entry(row, slot, licenses.number(row["license"])) | judged[n]))
    return CocoRows(images, box_texts(block, classes, sizes, numbers.image, numbers.annotation))


def image_entry(row: Row, slot: ImageSlot, license_number: int | None) -> dict[str, Any]:
    """An entry of `images`; what is not known has no key."""
    entry = {
        "id": slot.number, "file_name": slot.file_name, "width": slot.width, "height": slot.height,
        "license": license_number, "flickr_url": row["original_url"],
        "open_images_id": row["image_id"], "rotation": row["rotation"],
    }  # fmt: skip
    return {name: value for name, value in entry.items() if value is not None}


def judged_images(block: ImageBlock, classes: ExportClasses) -> list[dict[str, list[int]]]:
    """Of each image of a block what `judged_classes` tells by its boxes."""
    boxes, labels = block.tables["boxes"], block.tables["image_labels"]
    boxes = boxes.select(["image_id", "is_group_of"]).append_column(
        PLACE, pa.array(class_places(boxes["mid"], classes))
    )
    decided = (decided_labels(labels, classes, verdict) for verdict in ("positive", "negative"))
    groups = boxes.filter(pc.fill_null(boxes["is_group_of"], False))
    by_image = (category_sets(block, rows) for rows in (*decided, boxes, groups))
    return [judged_classes(*sets) for sets in zip(*by_image, strict=True)]


def category_sets(block: ImageBlock, rows: pa.Table) -> list[frozenset[int]]:
    """The category IDs that rows with a column PLACE have, by the images of the block."""
    categories = (rows[PLACE].to_numpy() + 1).tolist()
    return [frozenset(categories[start:stop]) for start, stop in block.row_spans(rows)]


def judged_classes(
    positive: Set[int], negative: Set[int], drawn: Set[int], in_groups: Set[int]
) -> dict[str, list[int]]:
    """Category IDs that are denied of an image, and those that are there though not each instance has a box of its own:
    people say so and no box is drawn, or a box stands for a group. All by category ID."""
    return {
        "neg_category_ids": sorted(negative - drawn),
        "not_exhaustive_category_ids": sorted(in_groups | (positive - drawn)),
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


def _write_entries(stream: TextIO, entries: Sequence[str], is_first: bool) -> None:
    if entries:
        stream.write("\n" if is_first else ",\n")
        stream.write(",\n".join(entries))
