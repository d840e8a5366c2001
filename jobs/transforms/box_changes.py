"""Rows of `boxes` of two releases to rows of `box_changes`: every box of either release stands in exactly one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oilake.jobs.transforms import box_matching, label_keys
from oilake.jobs.transforms.box_matching import BoxPairs, BoxSet
from oilake.jobs.transforms.class_vocabulary import ClassVocabulary
from oilake.jobs.transforms.image_ids import as_ids
from oilake.jobs.transforms.image_runs import ImageRuns, Numbers, distinct_images, join_runs
from oilake.jobs.transforms.label_keys import Doubles, Integers
from oilake.jobs.transforms.release_diff import (
    FROM,
    MISSING,
    TO,
    dictionary_column,
    name_lists,
    side_name,
    side_subsets,
)
from oilake.jobs.transforms.words import BOX_CHANGES
from oilake.quality.row_expectations import RowMask, numpy_mask
from oilake.schemas.loader import arrow_schema, table_schema

COORDINATES = ("x_min", "x_max", "y_min", "y_max")
ATTRIBUTES = tuple(column.name for column in table_schema("boxes").columns if column.type == "boolean")
COLUMNS = ("mid", "source", *COORDINATES, *ATTRIBUTES)
SIDE_COLUMNS = ("subset", "source", *COORDINATES)
UNCHANGED, REDRAWN, ADDED, REMOVED = range(len(BOX_CHANGES))


@dataclass(frozen=True)
class BoxRows:
    """The boxes of one release by image and class, in the published order: what is matched, and all their columns."""

    boxes: BoxSet
    rows: pa.Table

    def column_at(self, name: str, places: Integers) -> pa.ChunkedArray:
        """The values of a column at `places`; NULL at MISSING."""
        return self.rows[name].take(pa.array(places, mask=places == MISSING))


@dataclass(frozen=True)
class BoxPartners:
    """What became of each box of the earlier release, shape (rows,): its place in the later one (or MISSING), the place of
    the change in BOX_CHANGES, the IoU (NaN where it was removed). `added`: the places of the later release that are left."""

    after: Integers
    changes: npt.NDArray[np.int8]
    ious: Doubles
    added: Integers


def compare_boxes(chunk: Mapping[str, ImageRuns], classes: ClassVocabulary, least_iou: float) -> pa.Table:
    """One row a box that is unchanged, redrawn, added or removed, by image_id and mid, then in the published order.

    `chunk`: all rows of some images with COLUMNS, by side (see jobs/transforms/release_diff.py); `least_iou`: from which
    overlap on a box can be another one redrawn (see jobs/transforms/box_matching.py).
    """
    classes = classes.including(part.rows["mid"] for part in chunk.values())
    images = distinct_images([part.images for part in chunk.values()])
    before, after = (_box_rows(chunk, role, images, classes) for role in (FROM, TO))
    partners = _find_partners(before.boxes, after.boxes, least_iou)
    count, added = len(before.boxes.keys), len(partners.added)
    keys = np.concatenate([before.boxes.keys, after.boxes.keys[partners.added]])
    order = np.argsort(keys, kind="stable")
    places = {
        FROM: np.concatenate([np.arange(count), np.full(added, MISSING)])[order],
        TO: np.concatenate([partners.after, partners.added])[order],
    }
    ious = np.concatenate([partners.ious, np.full(added, np.nan)])[order]
    bits = label_keys.bit_width(len(classes.mids))
    image_places, runs = np.unique(keys[order] >> bits, return_inverse=True)
    columns = {
        "image_id": dictionary_column(runs, as_ids(images[image_places])),
        "mid": dictionary_column(keys[order] & ((1 << bits) - 1), classes.mids),
        "change": dictionary_column(
            np.concatenate([partners.changes, np.full(added, ADDED, np.int8)])[order], pa.array(BOX_CHANGES)
        ),
        "iou": pa.array(ious, mask=np.isnan(ious)),
        "attributes_changed": _changed_attributes(before, places[FROM], after, places[TO]),
    }
    for role, release in ((FROM, before), (TO, after)):
        columns |= {f"{role}_{name}": release.column_at(name, places[role]) for name in SIDE_COLUMNS}
    return pa.table({name: columns[name] for name in arrow_schema(table_schema("box_changes")).names})


def _box_rows(chunk: Mapping[str, ImageRuns], role: str, images: Numbers, classes: ClassVocabulary) -> BoxRows:
    """The boxes of one role, of all its subsets."""
    subsets = side_subsets(chunk, role)
    parts = [chunk[side_name(role, subset)] for subset in subsets]
    if not parts:
        any_part = next(iter(chunk.values()))
        parts = [ImageRuns(any_part.rows.slice(0, 0), any_part.images[:0], any_part.lengths[:0])]
    runs = join_runs(parts)
    codes = np.repeat(np.arange(len(subsets)), [len(part.rows) for part in parts[: len(subsets)]])
    rows = runs.rows.append_column("subset", dictionary_column(codes, pa.array(subsets, pa.string())))
    rows = rows.unify_dictionaries().combine_chunks()
    keys = label_keys.pair_keys(runs, images, classes)
    if (keys[1:] < keys[:-1]).any():
        order = np.argsort(keys, kind="stable")
        keys, rows = keys[order], rows.take(pa.array(order))
    edges = np.column_stack([rows[name].to_numpy() for name in COORDINATES])
    return BoxRows(BoxSet(keys, edges), rows)


def _find_partners(before: BoxSet, after: BoxSet, least_iou: float) -> BoxPartners:
    """Equal boxes meet first, and redrawn ones among those that are left."""
    partners = BoxPartners(
        np.full(len(before.keys), MISSING),
        np.full(len(before.keys), REMOVED, np.int8),
        np.full(len(before.keys), np.nan),
        np.empty(0, np.int64),
    )
    is_left = np.ones(len(after.keys), np.bool_)
    _note_pairs(partners, is_left, UNCHANGED, box_matching.equal_pairs(before, after))
    old, new = np.flatnonzero(partners.after == MISSING), np.flatnonzero(is_left)
    pairs = box_matching.redrawn_pairs(before.take(old), after.take(new), least_iou)
    _note_pairs(partners, is_left, REDRAWN, BoxPairs(old[pairs.before], new[pairs.after], pairs.ious))
    return replace(partners, added=np.flatnonzero(is_left))


def _note_pairs(partners: BoxPartners, is_left: RowMask, change: int, pairs: BoxPairs) -> None:
    partners.after[pairs.before], partners.changes[pairs.before] = pairs.after, change
    partners.ious[pairs.before] = pairs.ious
    is_left[pairs.after] = False


def _changed_attributes(before: BoxRows, old: Integers, after: BoxRows, new: Integers) -> pa.ListArray:
    """The attributes of which both releases say something, and not the same."""
    bits = np.zeros(len(old), np.int64)
    for n, name in enumerate(ATTRIBUTES):
        differs = pc.fill_null(pc.not_equal(before.column_at(name, old), after.column_at(name, new)), False)
        bits |= numpy_mask(differs).astype(np.int64) << n
    return name_lists(bits, ATTRIBUTES)
