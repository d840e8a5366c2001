"""Rows of the list of attributes to columns of the table `attributes`."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from oilake.conf.registry import ExpectedMember, Release
from oilake.jobs.transforms import labels
from oilake.jobs.transforms.normalized_batch import NormalizedBatch

TYPES = {"mid": labels.DICTIONARY, "name": pa.string()}


def normalize(raw: Mapping[str, pa.Array], expected: ExpectedMember, release: Release) -> NormalizedBatch:
    """Normalize `raw`: the published columns (see TYPES), each of shape (rows,)."""
    result = NormalizedBatch({"name": raw["name"]})
    labels.add_mids(result, raw, ["mid"])
    return result
