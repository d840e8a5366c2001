"""WebDataset: tar files of samples, an image each: its bytes, what is known of it, and its class where that is one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from oilake.conf.errors import ConfigError
from oilake.jobs.exporting.csv_files import write_csv
from oilake.jobs.exporting.export_classes import ExportClasses
from oilake.jobs.exporting.huggingface_format import COLUMNS, dataset_rows
from oilake.jobs.exporting.image_blocks import ImageBlock, Row
from oilake.jobs.exporting.opened_export import OpenedExport
from oilake.jobs.exporting.picture_files import picture_bytes
from oilake.jobs.sources.written_tars import add_bytes, open_tar

SHARD_BYTES = 256 << 20


class ImageSample(NamedTuple):
    """The members of an image, by the ending behind its ID."""

    key: str
    members: dict[str, bytes]

    @property
    def size(self) -> int:
        """The bytes of its members."""
        return sum(map(len, self.members.values()))


def write_format(export: OpenedExport, folder: Path) -> dict[str, int]:
    """Writes `<subset>-*.tar` and `classes.csv`; ConfigError without --blobs, InputError where a picture is not there."""
    if export.request.pictures is None:
        raise ConfigError("webdataset holds the bytes of images; name the folder of a download by --blobs")
    pictures, counts = Path(export.request.pictures), {"images": 0, "shards": 0}
    for subset in export.subsets:
        shards, images = _write_shards(_subset_samples(export, subset, pictures), folder, subset)
        counts["shards"] += shards
        counts["images"] += images
    names = ((number, mid, export.classes.name(mid)) for number, mid in enumerate(export.classes.mids))
    write_csv(folder / "classes.csv", ("number", "mid", "name"), names)
    return counts


def _write_shards(samples: Iterator[ImageSample], folder: Path, subset: str) -> tuple[int, int]:
    """(Shards, images) that were written; a shard is full when another sample would exceed SHARD_BYTES."""
    shards = images = room = 0
    with ExitStack() as stack:
        for sample in samples:
            if sample.size > room or not shards:
                stack.close()
                archive = stack.enter_context(open_tar(folder / f"{subset}-{shards:06}.tar"))
                shards, room = shards + 1, SHARD_BYTES
            for ending, data in sample.members.items():
                add_bytes(archive, f"{sample.key}.{ending}", data)
            images, room = images + 1, room - sample.size
    return shards, images


def image_sample(row: Row, picture: bytes, classes: ExportClasses) -> ImageSample:
    """The sample of a row of `dataset_rows`. `cls`: the number of the one class that the reconciled labels confirm; absent
    where they confirm none or several."""
    known = {name: value for name, value in row.items() if name != "image" and value is not None}
    members = {"jpg": picture, "json": json.dumps(known, ensure_ascii=False).encode()}
    positive = [mid for mid in row.get("positive_mids") or () if mid in classes.places]
    if len(positive) == 1:
        members["cls"] = str(classes.places[positive[0]]).encode()
    return ImageSample(row["image_id"], members)


def _subset_samples(export: OpenedExport, subset: str, pictures: Path) -> Iterator[ImageSample]:
    is_judged = export.has_table("image_labels")
    for block in export.blocks(subset, COLUMNS):
        yield from _block_samples(block, export.classes, is_judged, pictures)


def _block_samples(block: ImageBlock, classes: ExportClasses, is_judged: bool, pictures: Path) -> Iterator[ImageSample]:
    for row in dataset_rows(block, classes, is_judged):
        yield image_sample(row, picture_bytes(pictures, block.subset, row["image_id"]), classes)
