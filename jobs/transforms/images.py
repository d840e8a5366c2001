"""Rows of an images file to columns of the table `images`."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from oilake.conf.registry import ExpectedMember, Release
from oilake.jobs.transforms import image_ids, md5, numbers, text
from oilake.jobs.transforms.normalized_batch import NormalizedBatch
from oilake.quality.row_expectations import numpy_mask

AS_PUBLISHED = ("original_url", "original_landing_url", "license", "author_profile_url", "thumbnail_300k_url")
TYPES = {
    name: pa.string()
    for name in (*AS_PUBLISHED, "image_id", "subset", "author", "title", "original_size", "original_md5")
}


def normalize(raw: Mapping[str, pa.Array], expected: ExpectedMember, release: Release) -> NormalizedBatch:
    """Normalize `raw`: the published columns as text, each of shape (rows,); size, MD5 and thumbnail may be absent: NULL.

    A row that names another subset than that of its member is a fault.
    """
    form, rows = expected.member.ids, len(raw["image_id"])
    result = NormalizedBatch({})
    ids = image_ids.normalize(raw["image_id"], form)
    result.add_image_ids(raw["image_id"], *ids, image_ids.unread_reason(form))
    same = pc.fill_null(pc.equal(raw["subset"], expected.subset or ""), False)
    if not pc.all(same, min_count=0).as_py():
        result.faults.append(("subset", ~numpy_mask(same), "wrong_subset"))
    for name in AS_PUBLISHED:
        result.columns[name] = raw.get(name, pa.nulls(rows, pa.string()))
    for name in ("author", "title"):
        result.columns[name] = text.normalize(raw[name])
    sizes = raw.get("original_size", pa.nulls(rows, pa.string()))
    result.add("original_size", *numbers.to_integers(sizes), "invalid_size")
    result.columns["original_md5"] = md5.to_hex(raw.get("original_md5", pa.nulls(rows, pa.string())))
    return result
