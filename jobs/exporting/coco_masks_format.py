"""COCO instances of masks: run lengths in the pixels of the image, a JSON file a subset."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from oilake.jobs.blobs.mask_pictures import Foreground, scale_mask
from oilake.jobs.blobs.run_lengths import encode_runs, mask_runs
from oilake.jobs.exporting.coco_format import (
    COLUMNS,
    CocoRows,
    ImageSlot,
    LicenseNumbers,
    NextNumbers,
    image_entry,
    judged_classes,
    write_subset,
)
from oilake.jobs.exporting.drawn_masks import DrawnMasks, masked_export, open_masks, write_left_out
from oilake.jobs.exporting.export_classes import ExportClasses
from oilake.jobs.exporting.image_blocks import ImageBlock, Row
from oilake.jobs.exporting.image_sizes import ImageSizes
from oilake.jobs.exporting.opened_export import OpenedExport
from oilake.jobs.transforms.boxes import COORDINATES

MASK_COLUMNS = {
    "images": COLUMNS["images"],
    "boxes": ("mid", *COORDINATES, "is_group_of"),
    "masks": ("mid", "mask_path", "box_id", "predicted_iou"),
    "image_labels": COLUMNS["image_labels"],
}
VERDICTS = ("positive", "negative")


@dataclass(frozen=True)
class MaskRows:
    """What makes entries of blocks. `is_judged`: whether labels tell what is denied."""

    classes: ExportClasses
    sizes: ImageSizes
    masks: DrawnMasks
    is_judged: bool

    def __call__(self, block: ImageBlock, licenses: LicenseNumbers, numbers: NextNumbers) -> CocoRows:
        """The entries of a block's images that have a mask, from these numbers on."""
        boxes, labels, masks = (block.rows_by_image(name) for name in ("boxes", "image_labels", "masks"))
        images, annotations = list[str](), list[str]()
        rows = [row for row in block.rows("images") if row["image_id"] in masks]
        for number, row in enumerate(rows, numbers.image):
            image_id = row["image_id"]
            slot = ImageSlot(number, *self.sizes.sides(image_id), f"{block.subset}/{image_id}.jpg")
            drawn = masks[image_id]
            judged = (
                self._judged_by_masks(labels.get(image_id, []), drawn, boxes.get(image_id, []))
                if self.is_judged
                else {}
            )
            images.append(json.dumps(image_entry(row, slot, licenses.number(row["license"])) | judged))
            for mask in drawn:
                pixels = self.masks.read_pixels(mask)
                if pixels is not None:
                    category = self.classes.places[mask["mid"]] + 1
                    entry_number = numbers.annotation + len(annotations)
                    annotations.append(json.dumps(mask_entry(mask, pixels, slot, category, entry_number)))
        return CocoRows(images, annotations)

    def _judged_by_masks(
        self, labels: Sequence[Row], masks: Sequence[Row], boxes: Sequence[Row]
    ) -> dict[str, list[int]]:
        """What `judged_classes` tells of an image by its masks; of a group is a class with more boxes than masks, or with a
        box around a group."""
        verdicts = {verdict: [row["mid"] for row in labels if row["verdict"] == verdict] for verdict in VERDICTS}
        boxed, drawn = Counter(box["mid"] for box in boxes), Counter(mask["mid"] for mask in masks)
        in_groups = {box["mid"] for box in boxes if box["is_group_of"]}
        grouped = [mid for mid, count in drawn.items() if boxed[mid] > count or mid in in_groups]
        return judged_classes(*(self._category_ids(mids) for mids in (*verdicts.values(), drawn, grouped)))

    def _category_ids(self, mids: Iterable[str]) -> frozenset[int]:
        return frozenset(self.classes.places[mid] + 1 for mid in mids if mid in self.classes.places)


def write_format(export: OpenedExport, folder: Path) -> dict[str, int]:
    """Writes `annotations/masks_<subset>.json` of the images that have a mask, and a list of masks that are left out.

    ConfigError where masks or the sides of images are missing, InputError where a zip is.
    """
    masked = masked_export(export)
    sizes, left_out = masked.require_sizes(), list[tuple[str, str, str]]()
    (folder / "annotations").mkdir()
    counts = {"images": 0, "masks": 0, "left_out": 0, "categories": len(masked.classes.mids)}
    for subset in masked.subsets:
        target = folder / "annotations" / f"masks_{subset}.json"
        with open_masks(masked, subset) as masks:
            make_rows = MaskRows(masked.classes, sizes, masks, masked.has_table("image_labels"))
            numbers = write_subset(masked, subset, target, MASK_COLUMNS, make_rows)
        counts["images"] += numbers.image - 1
        counts["masks"] += numbers.annotation - 1
        left_out += masks.left_out
    counts["left_out"] = len(left_out)
    write_left_out(left_out, folder)
    return counts


def mask_entry(mask: Row, pixels: Foreground, slot: ImageSlot, category: int, number: int) -> dict[str, Any]:
    """An entry of `annotations`: the mask in the pixels of its image, whose own sides it need not have."""
    scaled = scale_mask(pixels, slot.height, slot.width)
    columns, rows = (np.flatnonzero(scaled.any(axis=axis)) for axis in (0, 1))
    spans = [(int(places[0]), int(places[-1] - places[0] + 1)) if len(places) else (0, 0) for places in (columns, rows)]
    (left, width), (top, height) = spans
    entry = {
        "id": number, "image_id": slot.number, "category_id": category, "bbox": [left, top, width, height],
        "area": int(np.count_nonzero(scaled)), "iscrowd": 0,
        "segmentation": {"size": [slot.height, slot.width], "counts": encode_runs(mask_runs(scaled))},
        "box_id": mask["box_id"], "predicted_iou": mask["predicted_iou"],
    }  # fmt: skip
    return {name: value for name, value in entry.items() if value is not None}
