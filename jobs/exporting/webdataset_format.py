"""WebDataset: tar files of samples, an image each: its bytes, what is known of it, and its class where that is one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from oilake.conf.errors import ConfigError
from oilake.jobs.exporting.csv_files import write_csv
from oilake.jobs.exporting.export_classes import ExportClasses
from oilake.jobs.exporting.finished_shards import ItemsAhead, open_shards
from oilake.jobs.exporting.huggingface_format import rows_with_pictures
from oilake.jobs.exporting.image_blocks import Row
from oilake.jobs.exporting.opened_export import OpenedExport
from oilake.jobs.sources.written_tars import add_bytes, open_tar

SHARD_BYTES = 256 << 20


class ImageSample(NamedTuple):
    """The members of an image, by the ending behind its ID."""

    image_id: str
    members: dict[str, bytes]

    @property
    def size(self) -> int:
        """The bytes of its members."""
        return sum(map(len, self.members.values()))


def write_format(export: OpenedExport, folder: Path) -> dict[str, int]:
    """Writes `<subset>-*.tar` and `classes.csv`; ConfigError without --blobs, InputError where a picture is not there."""
    if export.request.pictures is None:
        raise ConfigError(
            "webdataset holds the bytes of images; name the folder of `oilake download` by --blobs FOLDER"
        )
    counts = Counter[str]()
    with open_shards(export, folder) as shards:
        for subset in export.subsets:
            open_samples = partial(_subset_samples, export, subset)
            counts += shards.write_subset(subset, f"{subset}-{{number:06}}.tar", open_samples, _write_shard)
    names = ((number, mid, export.classes.name(mid)) for number, mid in enumerate(export.classes.mids))
    write_csv(folder / "classes.csv", ("number", "mid", "name"), names)
    return {"images": counts["images"], "shards": counts["shards"]}


def _write_shard(path: Path, samples: ItemsAhead[ImageSample]) -> dict[str, int]:
    """Fills a shard until another sample would exceed SHARD_BYTES; it has one at least."""
    images, room = 0, SHARD_BYTES
    with open_tar(path) as archive:
        while (sample := samples.ahead) is not None and (not images or sample.size <= room):
            for ending, data in samples.take().members.items():
                add_bytes(archive, f"{sample.image_id}.{ending}", data)
            images, room = images + 1, room - sample.size
    return {"images": images}


def image_sample(row: Row, picture: bytes, classes: ExportClasses) -> ImageSample:
    """The sample of a row of `dataset_table`. `cls`: the number of the one class that the reconciled labels confirm; absent
    where they confirm none or several."""
    values = {**row, "original_url": row["image"]["path"]}
    known = {name: value for name, value in values.items() if name != "image" and value is not None}
    members = {"jpg": picture, "json": json.dumps(known, ensure_ascii=False).encode()}
    positive = [mid for mid in row.get("positive_mids") or () if mid in classes.places]
    if len(positive) == 1:
        members["cls"] = str(classes.places[positive[0]]).encode()
    return ImageSample(row["image_id"], members)


def _subset_samples(export: OpenedExport, subset: str, after: str | None) -> Iterator[ImageSample]:
    for row, picture in rows_with_pictures(export, subset, after):
        yield image_sample(row, picture, export.classes)
