"""Rows of a file of point labels to columns of the table `points`."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from oilake.conf.registry import ExpectedMember, Release
from oilake.jobs.transforms import dictionary_arrays, labels, numbers
from oilake.jobs.transforms.normalized_batch import NormalizedBatch

PLACE = ("x", "y")
AS_PUBLISHED = ("source", "estimate", "text_label")
VOTES = ("yes_votes", "no_votes", "unsure_votes")
TYPES = {
    "image_id": pa.string(),
    **dict.fromkeys(("mid", *AS_PUBLISHED, *VOTES), labels.DICTIONARY),
    **dict.fromkeys(PLACE, pa.float64()),
}


def normalize(raw: Mapping[str, pa.Array], expected: ExpectedMember, release: Release) -> NormalizedBatch:
    """Normalize `raw`: the published columns (see TYPES), each of shape (rows,); a number of votes may be empty: NULL."""
    result = NormalizedBatch({name: raw[name] for name in AS_PUBLISHED})
    labels.add_ids_and_mids(result, raw, expected.member.ids)
    for name in PLACE:
        result.add(name, *numbers.to_doubles(raw[name]), "invalid_coordinate")
    for name in VOTES:
        result.add(name, *dictionary_arrays.convert_distinct(raw[name], numbers.to_integers), "invalid_votes")
    return result
