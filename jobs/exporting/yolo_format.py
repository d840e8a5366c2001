"""YOLO: a line a box in a text file an image, and a data.yaml that names the classes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

from oilake.jobs.exporting.export_classes import ExportClasses
from oilake.jobs.exporting.image_blocks import ImageBlock, Row
from oilake.jobs.exporting.opened_export import OpenedExport
from oilake.jobs.transforms.boxes import COORDINATES

COLUMNS = {"boxes": ("mid", *COORDINATES)}
SPLITS = {"train": "train", "validation": "val", "test": "test"}


def write_format(export: OpenedExport, folder: Path) -> dict[str, int]:
    """Writes `labels/<subset>/<image_id>.txt` and `<subset>.txt` for the images that have a box, and `data.yaml`.

    ConfigError where the release has no boxes.
    """
    export.require_table("boxes", "ingest")
    images = boxes = 0
    for subset in export.subsets:
        labels = folder / "labels" / subset
        labels.mkdir(parents=True)
        with (folder / f"{subset}.txt").open("w") as listed:
            for block in export.blocks(subset, COLUMNS):
                for image_id, lines in label_lines(block, export.classes):
                    (labels / f"{image_id}.txt").write_text("".join(lines))
                    listed.write(f"./images/{subset}/{image_id}.jpg\n")
                    images, boxes = images + 1, boxes + len(lines)
    write_data_yaml(export, folder)
    return {"images": images, "boxes": boxes, "classes": len(export.classes.mids)}


def label_lines(block: ImageBlock, classes: ExportClasses) -> Iterator[tuple[str, list[str]]]:
    """Yield (image ID, the line of each of its boxes) of the images that have a box."""
    for image_id, boxes in block.rows_by_image("boxes").items():
        yield image_id, [_box_line(box, classes.places[box["mid"]]) for box in boxes]


def _box_line(box: Row, place: int) -> str:
    """The class, and centre, width and height of the box as fractions of the picture's sides."""
    left, right, top, bottom = (box[edge] for edge in COORDINATES)
    return f"{place} {(left + right) / 2:.9g} {(top + bottom) / 2:.9g} {right - left:.9g} {bottom - top:.9g}\n"


def write_data_yaml(export: OpenedExport, folder: Path) -> None:
    """Writes `data.yaml`: the lists of images, and the names and MIDs of the classes."""
    splits = {SPLITS[subset]: f"{subset}.txt" for subset in export.subsets}
    names = {place: export.classes.name(mid) for place, mid in enumerate(export.classes.mids)}
    content = {"path": ".", **splits, "nc": len(names), "names": names, "mids": list(export.classes.mids)}
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    (folder / "data.yaml").write_text(text, encoding="utf-8")
