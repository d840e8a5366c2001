"""TFRecords in the keys that the TF Object Detection API documents for Open Images, with a label map."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from oilake.jobs.exporting.export_classes import ExportClasses
from oilake.jobs.exporting.finished_shards import ItemsAhead, open_shards
from oilake.jobs.exporting.image_blocks import ImageBlock
from oilake.jobs.exporting.image_features import COLUMNS, image_features
from oilake.jobs.exporting.opened_export import OpenedExport
from oilake.jobs.exporting.picture_files import picture_bytes
from oilake.jobs.exporting.tf_records import bytes_feature, bytes_item, example_bytes, record_texts

SHARD_IMAGES = 5_000
BYTES_AT_ONCE = 16 << 20


class ImageRecord(NamedTuple):
    """The record of an image."""

    image_id: str
    content: bytes


def write_format(export: OpenedExport, folder: Path) -> dict[str, int]:
    """Writes `<subset>-*.tfrecord` and `label_map.pbtxt`; ConfigError where the release has no boxes, InputError where a
    picture is not where --blobs says."""
    export.require_table("boxes", "ingest")
    counts = Counter[str]()
    with open_shards(export, folder) as shards:
        for subset in export.subsets:
            open_records = partial(_subset_records, export, subset)
            counts += shards.write_subset(subset, f"{subset}-{{number:05}}.tfrecord", open_records, _write_shard)
    (folder / "label_map.pbtxt").write_text(label_map(export.classes), encoding="utf-8")
    return {"images": counts["images"], "classes": len(export.classes.mids)}


def _write_shard(path: Path, records: ItemsAhead[ImageRecord]) -> dict[str, int]:
    """Fills a shard with SHARD_IMAGES records, or those that are left."""
    images = 0
    with path.open("wb") as stream:
        while records.ahead is not None and images < SHARD_IMAGES:
            stream.write(records.take().content)
            images += 1
    return {"images": images}


def label_map(classes: ExportClasses) -> str:
    """The classes by number, from 1 on, as the API reads them: MID and name."""
    return "".join(
        f'item {{\n  name: "{mid}"\n  id: {place + 1}\n  display_name: {_quoted(classes.name(mid))}\n}}\n'
        for place, mid in enumerate(classes.mids)
    )


def block_records(block: ImageBlock, classes: ExportClasses, pictures: Path | None) -> Iterator[bytes]:
    """Yield a record an image, with the bytes of its picture where there are pictures."""
    messages, size = list[bytes](), 0
    for image_id, features in zip(block.image_ids, image_features(block, classes), strict=True):
        if pictures is not None:
            features["image/encoded"] = bytes_feature(bytes_item(picture_bytes(pictures, block.subset, image_id)))
            features["image/format"] = bytes_feature(bytes_item(b"jpeg"))
        messages.append(example_bytes(features))
        size += len(messages[-1])
        if size >= BYTES_AT_ONCE:
            yield from record_texts(messages)
            messages, size = [], 0
    yield from record_texts(messages)


def _subset_records(export: OpenedExport, subset: str, after: str | None) -> Iterator[ImageRecord]:
    pictures = None if export.request.pictures is None else Path(export.request.pictures)
    for block in export.blocks(subset, COLUMNS, after):
        records = block_records(block, export.classes, pictures)
        yield from map(ImageRecord, block.image_ids, records)


def _quoted(text: str) -> str:
    """A text as protocol buffers write it in text."""
    return json.dumps(text, ensure_ascii=False)
