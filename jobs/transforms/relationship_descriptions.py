"""Rows of the words for relationships to columns of the table `relationship_descriptions`."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from oilake.conf.registry import ExpectedMember, Release
from oilake.jobs.transforms.normalized_batch import NormalizedBatch

TYPES = {"relationship": pa.string(), "description": pa.string()}


def normalize(raw: Mapping[str, pa.Array], expected: ExpectedMember, release: Release) -> NormalizedBatch:
    """Take the columns of `raw` as they are published (see TYPES), each of shape (rows,)."""
    return NormalizedBatch({name: raw[name] for name in TYPES})
