"""What a release says of its images, held in some 40 bytes an image: who is expected, with which size and MD5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oilake.conf.registry import SUBSETS
from oilake.jobs.blobs.records import ExpectedImage
from oilake.jobs.tables.parquet_reader import columns_of
from oilake.jobs.tables.published_slices import current_slice
from oilake.jobs.tables.snapshots import Snapshot
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms import image_ids
from oilake.quality.row_expectations import numpy_mask

Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.uint64]

ORIGINS = ("original", "cvdf", "thumbnail", "other")
JPEG = r"\.[jJ][pP][eE]?[gG]$"
UNKNOWN = -1


@dataclass
class ExpectedImages:
    """The images of a release, sorted by ID; every array has shape (images,), `md5s` (images, 2).

    `sizes`: UNKNOWN where the release gives none; `has_md5`: whether it gives an MD5. `subsets`, `origins`: places in
    SUBSETS and ORIGINS. `is_placeholder`: what the download says. `chosen`: whose blobs are judged; `required`: who must
    have a blob; `seen`: who has one.
    """

    ids: Numbers
    subsets: npt.NDArray[np.uint8]
    sizes: npt.NDArray[np.int64]
    md5s: Numbers
    has_md5: Mask
    is_jpeg: Mask
    origins: npt.NDArray[np.uint8] = field(init=False)
    is_placeholder: Mask = field(init=False)
    chosen: Mask = field(init=False)
    required: Mask = field(init=False)
    seen: Mask = field(init=False)

    def __post_init__(self) -> None:
        self.origins = np.zeros(len(self.ids), np.uint8)
        self.is_placeholder, self.seen = np.zeros(len(self.ids), np.bool_), np.zeros(len(self.ids), np.bool_)
        self.chosen, self.required = np.ones(len(self.ids), np.bool_), np.ones(len(self.ids), np.bool_)

    def places(self, ids: pa.StringArray) -> npt.NDArray[np.int64]:
        """Of each canonical image ID its place, -1 where it is no image of the release; shape (n,)."""
        numbers = image_ids.as_numbers(ids)
        if not len(self.ids):
            return np.full(len(numbers), -1, np.int64)
        indexes = np.searchsorted(self.ids, numbers)
        indexes[indexes == len(self.ids)] = 0
        return np.where(self.ids[indexes] == numbers, indexes, -1).astype(np.int64)

    @property
    def is_all_chosen(self) -> bool:
        """Whether the blobs of every image are judged, and so those of no image too."""
        return bool(self.chosen.all())

    def image(self, place: int) -> ExpectedImage:
        """What is expected of the image at this place."""
        size = int(self.sizes[place])
        return ExpectedImage(
            f"{self.ids[place]:016x}",
            SUBSETS[self.subsets[place]],
            None if size == UNKNOWN else size,
            f"{self.md5s[place, 0]:016x}{self.md5s[place, 1]:016x}" if self.has_md5[place] else None,
            bool(self.is_jpeg[place]),
            ORIGINS[self.origins[place]],
            bool(self.is_placeholder[place]),
        )


def read_expected_images(warehouse: Warehouse, pin: Snapshot) -> ExpectedImages:
    """The images of the release as they are published."""
    names = ["image_id", "original_size", "original_md5", "original_url"]
    parts = [
        (*_image_arrays(rows), np.full(len(rows), SUBSETS.index(partition["subset"]), np.uint8))
        for partition, rows in columns_of(
            warehouse, "images", current_slice(warehouse, "images", pin).version, {"release": pin.release}, names
        )
    ]
    if not parts:
        empty = pa.table({name: pa.array([], pa.int64() if "size" in name else pa.string()) for name in names})
        parts = [(*_image_arrays(empty), np.empty(0, np.uint8))]
    ids, sizes, md5s, has_md5, is_jpeg, subsets = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    order = np.argsort(ids, kind="stable")
    return ExpectedImages(ids[order], subsets[order], sizes[order], md5s[order], has_md5[order], is_jpeg[order])


def _image_arrays(rows: pa.Table) -> tuple[Numbers, npt.NDArray[np.int64], Numbers, Mask, Mask]:
    rows = rows.combine_chunks()
    columns = {
        name: rows[name].combine_chunks() if len(rows) else pa.array([], rows[name].type) for name in rows.column_names
    }
    sizes = np.asarray(columns["original_size"].fill_null(UNKNOWN).to_numpy(zero_copy_only=False), np.int64)
    md5s = columns["original_md5"]
    return (
        image_ids.as_numbers(columns["image_id"]),
        sizes,
        _md5_halves(md5s.fill_null("0" * 32)),
        numpy_mask(md5s.is_valid()),
        numpy_mask(pc.match_substring_regex(columns["original_url"], JPEG)),
    )


def _md5_halves(md5s: pa.StringArray) -> Numbers:
    """32 hex digits each, as two numbers; shape (n, 2)."""
    offsets = pa.py_buffer(np.arange(0, 32 * len(md5s) + 1, 16, dtype=np.int32))
    digits = np.frombuffer(md5s.buffers()[2] or b"", np.uint8)
    start = np.frombuffer(md5s.buffers()[1], np.int32, 1, md5s.offset * 4)[0] if len(md5s) else 0
    text = pa.py_buffer(np.ascontiguousarray(digits[start : start + 32 * len(md5s)]))
    return image_ids.as_numbers(pa.StringArray.from_buffers(2 * len(md5s), offsets, text)).reshape(-1, 2)


def choose_expected(
    images: ExpectedImages, subsets: Sequence[str], ids: pa.StringArray | None
) -> npt.NDArray[np.int64]:
    """Narrows who is judged and expected to some subsets and IDs; the places of IDs that are of no image (in `ids`)."""
    if subsets:
        images.chosen &= np.isin(images.subsets, [SUBSETS.index(subset) for subset in subsets])
    unknown = np.empty(0, np.int64)
    if ids is not None:
        places = images.places(ids)
        unknown = np.flatnonzero(places < 0)
        among = np.zeros(len(images.ids), np.bool_)
        among[places[places >= 0]] = True
        images.chosen &= among
    images.required = images.chosen.copy()
    return unknown
