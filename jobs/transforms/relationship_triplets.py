"""Rows of the list of relationships that were looked for to columns of the table `relationship_triplets`."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from oilake.conf.registry import ExpectedMember, Release
from oilake.jobs.transforms import labels
from oilake.jobs.transforms.normalized_batch import NormalizedBatch
from oilake.jobs.transforms.relationships import MIDS

TYPES = dict.fromkeys((*MIDS, "relationship"), labels.DICTIONARY)


def normalize(raw: Mapping[str, pa.Array], expected: ExpectedMember, release: Release) -> NormalizedBatch:
    """Normalize `raw`: the published columns (see TYPES), each of shape (rows,)."""
    result = NormalizedBatch({"relationship": raw["relationship"]})
    labels.add_mids(result, raw, MIDS)
    return result
