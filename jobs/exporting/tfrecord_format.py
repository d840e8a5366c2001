"""TFRecords in the keys that the TF Object Detection API documents for Open Images, with a label map."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from oilake.jobs.exporting.export_classes import ExportClasses
from oilake.jobs.exporting.image_blocks import ImageBlock, Row
from oilake.jobs.exporting.opened_export import OpenedExport
from oilake.jobs.exporting.picture_files import picture_bytes
from oilake.jobs.exporting.tf_records import (
    bytes_feature,
    example_bytes,
    float_feature,
    integer_feature,
    record_bytes,
)
from oilake.jobs.transforms.boxes import ATTRIBUTES, COORDINATES

COLUMNS: dict[str, tuple[str, ...]] = {
    "images": (),
    "boxes": ("mid", *COORDINATES, *ATTRIBUTES),
    "image_labels": ("mid", "verdict"),
}
SHARD_IMAGES = 5_000
EDGE_KEYS = {"x_min": "xmin", "x_max": "xmax", "y_min": "ymin", "y_max": "ymax"}
CONFIDENCES = {"positive": 1.0, "negative": 0.0}
UNKNOWN = -1  # as the published files write an attribute that is unknown


def write_format(export: OpenedExport, folder: Path) -> dict[str, int]:
    """Writes `<subset>-*.tfrecord` and `label_map.pbtxt`; ConfigError where the release has no boxes, InputError where a
    picture is not where --blobs says."""
    export.require_table("boxes", "ingest")
    counts = {"images": 0, "classes": len(export.classes.mids)}
    for subset in export.subsets:
        records = _subset_records(export, subset)
        for shard, first in enumerate(records):
            with (folder / f"{subset}-{shard:05}.tfrecord").open("wb") as stream:
                for record in (first, *islice(records, SHARD_IMAGES - 1)):
                    stream.write(record)
                    counts["images"] += 1
    (folder / "label_map.pbtxt").write_text(label_map(export.classes), encoding="utf-8")
    return counts


def label_map(classes: ExportClasses) -> str:
    """The classes by number, from 1 on, as the API reads them: MID and name."""
    return "".join(
        f'item {{\n  name: "{mid}"\n  id: {place + 1}\n  display_name: {_quoted(classes.name(mid))}\n}}\n'
        for place, mid in enumerate(classes.mids)
    )


def image_features(
    image_id: str, subset: str, boxes: Sequence[Row], labels: Sequence[Row], classes: ExportClasses
) -> dict[str, bytes]:
    """The encoded features of an image but for its bytes; an attribute that is unknown is -1."""
    places = [classes.places[box["mid"]] + 1 for box in boxes]
    verified = [label for label in labels if label["mid"] in classes.places and label["verdict"] in CONFIDENCES]
    return {
        "image/filename": bytes_feature([f"{subset}/{image_id}.jpg".encode()]),
        "image/source_id": bytes_feature([image_id.encode()]),
        **{f"image/object/bbox/{key}": float_feature([box[edge] for box in boxes]) for edge, key in EDGE_KEYS.items()},
        "image/object/class/text": bytes_feature(box["mid"].encode() for box in boxes),
        "image/object/class/label": integer_feature(places),
        **{
            f"image/object/{name.removeprefix('is_')}": integer_feature(
                UNKNOWN if box[name] is None else int(box[name]) for box in boxes
            )
            for name in ATTRIBUTES
        },
        "image/class/text": bytes_feature(label["mid"].encode() for label in verified),
        "image/class/label": integer_feature(classes.places[label["mid"]] + 1 for label in verified),
        "image/class/confidence": float_feature([CONFIDENCES[label["verdict"]] for label in verified]),
    }


def block_records(block: ImageBlock, classes: ExportClasses, pictures: Path | None) -> Iterator[bytes]:
    """Yield a record an image, with the bytes of its picture where there are pictures."""
    boxes, labels = block.rows_by_image("boxes"), block.rows_by_image("image_labels")
    for row in block.rows("images"):
        image_id = row["image_id"]
        features = image_features(image_id, block.subset, boxes.get(image_id, []), labels.get(image_id, []), classes)
        if pictures is not None:
            features["image/encoded"] = bytes_feature([picture_bytes(pictures, block.subset, image_id)])
            features["image/format"] = bytes_feature([b"jpeg"])
        yield record_bytes(example_bytes(features))


def _subset_records(export: OpenedExport, subset: str) -> Iterator[bytes]:
    pictures = None if export.request.pictures is None else Path(export.request.pictures)
    for block in export.blocks(subset, COLUMNS):
        yield from block_records(block, export.classes, pictures)


def _quoted(text: str) -> str:
    """A text as protocol buffers write it in text."""
    return json.dumps(text, ensure_ascii=False)
