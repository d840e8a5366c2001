"""Rows of an images file to columns of the table `images`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oilake.conf.registry import ExpectedMember, ImageList, Release
from oilake.jobs.transforms import dictionary_arrays, image_ids, md5, numbers, text
from oilake.jobs.transforms.normalized_batch import NormalizedBatch
from oilake.quality.row_expectations import numpy_mask

AS_PUBLISHED = ("original_url", "original_landing_url", "license", "author_profile_url", "thumbnail_300k_url")
REPEATED = pa.dictionary(pa.int32(), pa.string())
TYPES = {
    name: pa.string()
    for name in (*AS_PUBLISHED, "image_id", "subset", "author", "title", "original_size", "original_md5")
} | {"rotation": REPEATED}
ROTATIONS = pa.array([0.0, 90.0, 180.0, 270.0])
# Which lists an image stands in is told by files of their own.
LIST_COLUMNS: dict[ImageList, str] = {"boxable": "is_boxable", "human_labels": "has_human_labels"}

Mask = npt.NDArray[np.bool_]


def normalize(raw: Mapping[str, pa.Array], expected: ExpectedMember, release: Release) -> NormalizedBatch:
    """Normalize `raw`: the published columns as text, each of shape (rows,); size, MD5, thumbnail and rotation may be
    absent: NULL.

    A row that names another subset than that of its member, or than those that may occur in it, is a fault.
    """
    rows = len(raw["image_id"])
    result = normalize_listed(raw, expected, release)
    for name in AS_PUBLISHED:
        result.columns[name] = raw.get(name, pa.nulls(rows, pa.string()))
    for name in ("author", "title"):
        result.columns[name] = text.normalize(raw[name])
    sizes = raw.get("original_size", pa.nulls(rows, pa.string()))
    result.add("original_size", *numbers.to_integers(sizes), "invalid_size")
    result.columns["original_md5"] = md5.to_hex(raw.get("original_md5", pa.nulls(rows, pa.string())))
    rotations = raw.get("rotation", pa.nulls(rows, REPEATED))
    result.add("rotation", *dictionary_arrays.convert_distinct(rotations, _read_rotations), "invalid_rotation")
    for name in LIST_COLUMNS.values():
        result.columns[name] = pa.nulls(rows, pa.bool_())
    return result


def normalize_listed(raw: Mapping[str, pa.Array], expected: ExpectedMember, release: Release) -> NormalizedBatch:
    """Normalize what a row says of a list, that its image stands there: columns of shape (rows,), faults as of any row."""
    member = expected.member
    result = NormalizedBatch({})
    ids = image_ids.normalize(raw["image_id"], member.ids)
    result.add_image_ids(raw["image_id"], *ids, image_ids.unread_reason(member.ids))
    subsets = (member.subsets or release.subsets) if member.subset_column else (expected.subset,)
    wrong = ~numpy_mask(pc.is_in(raw["subset"], value_set=pa.array(subsets, pa.string())))
    if member.subset_column:
        result.columns["subset"] = raw["subset"]
    if wrong.any():
        result.faults.append(("subset", wrong, "wrong_subset"))
    return result


def _read_rotations(texts: pa.StringArray) -> tuple[pa.Int32Array, Mask]:
    """(Degrees, NULL where unreadable; which are no quarter of a circle), however the number is written."""
    degrees, unreadable = numbers.to_doubles(texts)
    is_quarter = pc.is_in(degrees, value_set=ROTATIONS)
    is_oblique = numpy_mask(pc.and_(pc.is_valid(degrees), pc.invert(is_quarter)))
    return pc.cast(pc.if_else(is_quarter, degrees, None), pa.int32()), unreadable | is_oblique
