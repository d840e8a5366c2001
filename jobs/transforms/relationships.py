"""Rows of a visual relationship file to columns of the table `relationships`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oilake.conf.registry import ExpectedMember, Release
from oilake.jobs.transforms import dictionary_arrays, labels, numbers
from oilake.jobs.transforms.normalized_batch import NormalizedBatch

MIDS = ("mid_1", "mid_2")
EDGES = tuple(f"{edge}_{side}" for side in (1, 2) for edge in ("x_min", "x_max", "y_min", "y_max"))
TYPES = {
    "image_id": pa.string(),
    **dict.fromkeys((*MIDS, "relationship"), labels.DICTIONARY),
    **dict.fromkeys(EDGES, pa.float64()),
}
HAS_ATTRIBUTE = "is"


def normalize(raw: Mapping[str, pa.Array], expected: ExpectedMember, release: Release) -> NormalizedBatch:
    """Normalize `raw`: the published columns (see TYPES), each of shape (rows,)."""
    result = NormalizedBatch({})
    labels.add_ids_and_mids(result, raw, expected.member.ids, MIDS)
    result.columns["relationship"] = raw["relationship"]
    result.columns["is_attribute"] = dictionary_arrays.convert_distinct(raw["relationship"], _are_attributes)[0]
    for name in EDGES:
        result.add(name, *numbers.to_doubles(raw[name]), "invalid_coordinate")
    return result


def _are_attributes(relationships: pa.StringArray) -> tuple[pa.BooleanArray, npt.NDArray[np.bool_]]:
    """(Which relationships say that the second MID is an attribute, no fault); shape (n,)."""
    return pc.equal(relationships, HAS_ATTRIBUTE), np.zeros(len(relationships), np.bool_)
