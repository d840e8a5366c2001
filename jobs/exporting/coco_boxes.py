"""Entries of COCO's `annotations` for boxes as JSON text, made column by column."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oilake.jobs.exporting.class_codes import class_places
from oilake.jobs.exporting.export_classes import ExportClasses
from oilake.jobs.exporting.image_blocks import ImageBlock
from oilake.jobs.exporting.image_sizes import ImageSizes
from oilake.jobs.transforms.boxes import ATTRIBUTES, COORDINATES

FLAGS = (False, True, None)


def box_texts(
    block: ImageBlock, classes: ExportClasses, sizes: ImageSizes, first_image: int, first_box: int
) -> list[str]:
    """An entry a box of the block, in pixels of the picture as it is stored, numbered from `first_box` on; its image by the
    numbers that begin at `first_image`. An unknown attribute has no key."""
    boxes, images = block.tables["boxes"], block.image_places("boxes")
    widths, heights = (sides[images] for sides in sizes.of_images(block.image_numbers))
    x_min, x_max, y_min, y_max = (boxes[name].to_numpy() for name in COORDINATES)
    width, height = (x_max - x_min) * widths, (y_max - y_min) * heights
    columns = (
        np.arange(first_box, first_box + len(boxes)), images + first_image, class_places(boxes["mid"], classes) + 1,
        x_min * widths, y_min * heights, width, height, width * height,
    )  # fmt: skip
    return [
        f'{{"id": {number}, "image_id": {image}, "category_id": {category}, "bbox": [{left}, {top}, {wide}, {high}], '
        f'"area": {area}, {ending}'
        for number, image, category, left, top, wide, high, area, ending in zip(
            *(column.tolist() for column in columns), _entry_endings(boxes), strict=True
        )
    ]


def _entry_endings(boxes: pa.Table) -> list[str]:
    """How the entry of each box ends: `iscrowd`, its source and the attributes that are known; each text is made once."""
    sources = boxes["source"].combine_chunks().dictionary_encode(null_encoding="encode")
    codes = sources.indices.to_numpy().astype(np.int64)
    for name in ATTRIBUTES:
        flags = pc.fill_null(boxes[name].cast(pa.int8()), FLAGS.index(None)).to_numpy()
        codes = codes * len(FLAGS) + flags
    distinct, places = np.unique(codes, return_inverse=True)
    names = sources.dictionary.to_pylist()
    texts = [_entry_ending(code, names) for code in distinct.tolist()]
    return [texts[place] for place in places.tolist()]


def _entry_ending(code: int, sources: list[str | None]) -> str:
    known: dict[str, Any] = {}
    for name in reversed(ATTRIBUTES):
        code, flag = divmod(code, len(FLAGS))
        known[name] = FLAGS[flag]
    attributes = {name: known[name] for name in ATTRIBUTES if known[name] is not None}
    entry = {"iscrowd": int(known["is_group_of"] is True), "source": sources[code], **attributes}
    return json.dumps(entry)[1:]
