"""The transform of every table that published files of rows are read into: one line a table."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cache
from typing import Protocol, cast

import pyarrow as pa

from oilake.conf.registry import ExpectedMember, Release
from oilake.jobs.transforms.normalized_batch import NormalizedBatch

TRANSFORMS = {
    "images": "oilake.jobs.transforms.images",
    "labels": "oilake.jobs.transforms.labels",
    "boxes": "oilake.jobs.transforms.boxes",
    "masks": "oilake.jobs.transforms.masks",
    "relationships": "oilake.jobs.transforms.relationships",
    "points": "oilake.jobs.transforms.points",
    "narratives": "oilake.jobs.transforms.narratives",
    "attributes": "oilake.jobs.transforms.attributes",
    "relationship_triplets": "oilake.jobs.transforms.relationship_triplets",
    "relationship_descriptions": "oilake.jobs.transforms.relationship_descriptions",
}


class RowTransform(Protocol):
    """What a module of transforms offers for the table it is named after."""

    TYPES: Mapping[str, pa.DataType]
    """The types in which a file's columns are read, by our name: those that the table's schema says a file gives."""

    def normalize(self, raw: Mapping[str, pa.Array], expected: ExpectedMember, release: Release) -> NormalizedBatch:
        """Return the table's columns of some rows of one member; those of `raw` have the shape (rows,), optional ones may
        be absent."""


@cache
def row_transform(table: str) -> RowTransform:
    """Load the transform of a table; KeyError where it has none."""
    return cast(RowTransform, importlib.import_module(TRANSFORMS[table]))
