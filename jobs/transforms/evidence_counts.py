"""Boxes, masks, relationships and points of each image and class: counted, and what they say of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oilake.conf.reconcile_policy import Evidence
from oilake.jobs.transforms import label_keys
from oilake.jobs.transforms.class_vocabulary import ClassVocabulary
from oilake.jobs.transforms.image_runs import ImageRuns, Numbers
from oilake.jobs.transforms.label_keys import Integers, key_places
from oilake.jobs.transforms.release_diff import MISSING
from oilake.jobs.transforms.verdicts import NO, SILENT, YES

# What is read of each table, beside the image.
COLUMNS: dict[Evidence, tuple[str, ...]] = {
    "boxes": ("mid",),
    "masks": ("mid",),
    "relationships": ("mid_1", "mid_2", "is_attribute"),
    "points": ("mid", "yes_votes", "no_votes", "unsure_votes"),
}
# The columns of `image_labels` that count each table.
COUNTS: dict[Evidence, tuple[str, ...]] = {
    "boxes": ("box_count",),
    "masks": ("mask_count",),
    "relationships": ("relationship_count",),
    "points": ("point_count", "point_yes_votes", "point_no_votes", "point_unsure_votes"),
}

EvidenceCounts = dict[Evidence, tuple[Integers, ...]]


@dataclass(frozen=True)
class PairPlaces:
    """`pairs`: keys of images and MIDs, ascending, by their places in `images` and `classes` (see label_keys.pair_keys)."""

    images: Numbers
    classes: ClassVocabulary
    pairs: Integers

    def places_of(self, part: ImageRuns, column: str = "mid") -> Integers:
        """Of each row the place of its image and the MID in `column` among the pairs, or MISSING; shape (rows,)."""
        is_listed = np.repeat(key_places(self.images, part.images) != MISSING, part.lengths)
        places = np.full(len(part.rows), MISSING)
        keys = label_keys.pair_keys(part, self.images, self.classes, column)[is_listed]
        places[is_listed] = key_places(self.pairs, keys)
        return places

    def count_rows(self, places: Integers, weights: Integers | None = None) -> Integers:
        """How often each pair stands in `places`, or the sum of the weights there; shape (pairs,)."""
        is_pair = places != MISSING
        return np.bincount(
            places[is_pair], None if weights is None else weights[is_pair], minlength=len(self.pairs)
        ).astype(np.int64)


def mid_columns(chunk: Mapping[str, ImageRuns]) -> Iterable[pa.ChunkedArray]:
    """The columns of every side that hold MIDs."""
    return (part.rows[name] for part in chunk.values() for name in part.rows.column_names if name.startswith("mid"))


def count_evidence(chunk: Mapping[str, ImageRuns], taken: Collection[Evidence], pairs: PairPlaces) -> EvidenceCounts:
    """Of each table that was taken the columns in COUNTS, shape (pairs,) each. `chunk`: rows with COLUMNS, by table."""
    count_by_table = {"relationships": _count_relationships, "points": _count_points}
    nothing = np.zeros(len(pairs.pairs), np.int64)
    counts: EvidenceCounts = {}
    for table in taken:
        if table not in chunk or not len(pairs.pairs):
            counts[table] = (nothing,) * len(COUNTS[table])
        else:
            counts[table] = count_by_table.get(table, _count_rows)(chunk[table], pairs)
    return counts


def _count_rows(part: ImageRuns, pairs: PairPlaces) -> tuple[Integers, ...]:
    return (pairs.count_rows(pairs.places_of(part)),)


def _count_relationships(part: ImageRuns, pairs: PairPlaces) -> tuple[Integers, ...]:
    """Each once a class: where both objects are of it, or the second MID is an attribute, the second is not counted."""
    first, second = pairs.places_of(part, "mid_1"), pairs.places_of(part, "mid_2")
    second[(second == first) | part.rows["is_attribute"].to_numpy()] = MISSING
    return (pairs.count_rows(first) + pairs.count_rows(second),)


def _count_points(part: ImageRuns, pairs: PairPlaces) -> tuple[Integers, ...]:
    places = pairs.places_of(part)
    votes = (pc.fill_null(part.rows[f"{answer}_votes"], 0).to_numpy() for answer in ("yes", "no", "unsure"))
    return (pairs.count_rows(places), *(pairs.count_rows(places, number) for number in votes))


def evidence_says(table: Evidence, counts: tuple[Integers, ...]) -> Integers:
    """SILENT, NO or YES of each pair: points say what most of their votes say, all else says yes where it is."""
    if table != "points":
        return np.where(counts[0] > 0, YES, SILENT)
    _, yes, no, _ = counts
    return np.select([yes > no, no > yes], [YES, NO], SILENT)
