"""What of a sample is written: which releases, and the files of which tables."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from oilake.conf.registry import Release

TABLES = (
    "images",
    "labels",
    "boxes",
    "classes",
    "hierarchy",
    "masks",
    "relationships",
    "points",
    "narratives",
    "relationship_triplets",
    "relationship_descriptions",
    "attributes",
)


@dataclass(frozen=True)
class SampleChoice:
    """Names of releases and tables; `registry`: all releases that can be written, by name."""

    registry: Mapping[str, Release]
    releases: Collection[str]
    tables: Collection[str]
