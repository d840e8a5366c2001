"""Rows of a bounding-box file to columns of the table `boxes`."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pyarrow as pa

from oilake.conf.registry import ExpectedMember, Release, subset_box_sources
from oilake.jobs.transforms import dictionary_arrays, labels, numbers
from oilake.jobs.transforms.extreme_points import X_CLICKS, Y_CLICKS, read_points
from oilake.jobs.transforms.normalized_batch import NormalizedBatch

COORDINATES = ("x_min", "x_max", "y_min", "y_max")
ATTRIBUTES = ("is_occluded", "is_truncated", "is_group_of", "is_depiction", "is_inside")
TYPES = {
    **labels.TYPES,
    **dict.fromkeys((*COORDINATES, *X_CLICKS, *Y_CLICKS), pa.float64()),
    **dict.fromkeys(ATTRIBUTES, labels.DICTIONARY),
}


def normalize(raw: Mapping[str, pa.Array], expected: ExpectedMember, release: Release) -> NormalizedBatch:
    """Normalize `raw`: the published columns (see TYPES), each of shape (rows,); attributes (train)
    and clicks may be absent: NULL."""
    result = NormalizedBatch({})
    labels.add_ids_and_mids(result, raw, expected.member.ids)
    _, unknown = dictionary_arrays.map_distinct(
        raw["source"],
        lambda values: (values, ~_are_known_sources(values, subset_box_sources(release, expected.subset))),
    )
    result.add("source", raw["source"], unknown, "unknown_source")
    confidence, bad = dictionary_arrays.convert_distinct(raw["confidence"], numbers.to_doubles)
    result.add("confidence", confidence, bad, "invalid_confidence")
    for name in COORDINATES:
        result.add(name, *numbers.to_doubles(raw[name]), "invalid_coordinate")
    for name in ATTRIBUTES:
        if name in raw:
            result.add(name, *dictionary_arrays.convert_distinct(raw[name], numbers.to_booleans), "invalid_attribute")
        else:
            result.columns[name] = pa.nulls(len(raw["image_id"]), pa.bool_())
    points = read_points(raw, expected.member.null_values)
    result.add("extreme_points", *points, "invalid_extreme_points")
    return result


def _are_known_sources(values: pa.StringArray, sources: Collection[str]) -> np.typing.NDArray[np.bool_]:
    return np.array([value in sources for value in values.to_pylist()], np.bool_)
