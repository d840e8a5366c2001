"""YOLO: a line a box in a text file an image, and a data.yaml that names the classes."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import yaml

from oilake.jobs.exporting.class_codes import class_places
from oilake.jobs.exporting.export_classes import ExportClasses
from oilake.jobs.exporting.image_blocks import row_images
from oilake.jobs.exporting.image_files import open_folder
from oilake.jobs.exporting.opened_export import OpenedExport
from oilake.jobs.transforms.boxes import COORDINATES

COLUMNS = {"boxes": ("mid", *COORDINATES)}
SPLITS = {"train": "train", "validation": "val", "test": "test"}
# A fraction has up to nine decimals as published, the mean of two one more; what is behind them is of binary fractions.
DECIMALS = 10


class LabelTexts(NamedTuple):
    """Images, ascending, and what the file of each holds: a line a box. Both of shape (images,)."""

    image_ids: list[str]
    contents: list[bytes]


def write_format(export: OpenedExport, folder: Path) -> dict[str, int]:
    """Writes `labels/<subset>/<image_id>.txt` and `<subset>.txt` for the images that have a box, and `data.yaml`.

    ConfigError where the release has no boxes.
    """
    export.require_table("boxes", "ingest")
    images = boxes = 0
    for subset in export.subsets:
        with (
            open_folder(folder / "labels" / subset, ".txt") as write_file,
            (folder / f"{subset}.txt").open("w") as listed,
        ):
            for block in export.blocks(subset, COLUMNS):
                rows = block.tables["boxes"]
                for image_id, content in zip(*label_texts(rows, export.classes), strict=True):
                    write_file(image_id, content)
                    listed.write(f"./images/{subset}/{image_id}.jpg\n")
                    images += 1
                boxes += len(rows)
    write_data_yaml(export, folder)
    return {"images": images, "boxes": boxes, "classes": len(export.classes.mids)}


def label_texts(boxes: pa.Table, classes: ExportClasses) -> LabelTexts:
    """The files of the images that boxes, sorted by image_id, have."""
    images = row_images(boxes)
    firsts = np.flatnonzero(np.append(True, images[1:] != images[:-1])[: len(images)])
    bounds = pa.array(np.append(firsts, len(boxes)).astype(np.int32))
    contents = pc.binary_join(pa.ListArray.from_arrays(bounds, box_lines(boxes, classes)), "").cast(pa.binary())
    return LabelTexts(boxes["image_id"].take(pa.array(firsts)).to_pylist(), contents.to_pylist())


def box_lines(boxes: pa.Table, classes: ExportClasses) -> pa.StringArray:
    """Of each box the class, and centre, width and height as fractions of the picture's sides; shape (boxes,)."""
    left, right, top, bottom = (boxes[edge].to_numpy() for edge in COORDINATES)
    fractions = ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)
    columns = (class_places(boxes["mid"], classes), *(np.round(fraction, DECIMALS) for fraction in fractions))
    texts = (pa.array(column).cast(pa.string()) for column in columns)
    return pc.binary_join_element_wise(pc.binary_join_element_wise(*texts, " "), "\n", "")


def write_data_yaml(export: OpenedExport, folder: Path) -> None:
    """Writes `data.yaml`: the lists of images, and the names and MIDs of the classes."""
    splits = {SPLITS[subset]: f"{subset}.txt" for subset in export.subsets}
    names = {place: export.classes.name(mid) for place, mid in enumerate(export.classes.mids)}
    content = {"path": ".", **splits, "nc": len(names), "names": names, "mids": list(export.classes.mids)}
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    (folder / "data.yaml").write_text(text, encoding="utf-8")
