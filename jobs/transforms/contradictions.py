"""Finds in a chunk of images where a release says two things that cannot both be right: one function a kind."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oilake.jobs.transforms import box_matching
from oilake.jobs.transforms.box_changes import COORDINATES
from oilake.jobs.transforms.box_matching import BoxSet
from oilake.jobs.transforms.contradiction_rows import (
    IMAGES,
    LABELS,
    MIDS,
    NEGATIVE,
    POSITIVE,
    SCHEMA,
    ChunkEvidence,
    ContradictionSetting,
    KeyedRows,
    gather_evidence,
    text_choice,
)
from oilake.jobs.transforms.image_runs import ImageRuns
from oilake.jobs.transforms.label_keys import Integers, run_starts
from oilake.jobs.transforms.release_diff import MISSING, dictionary_column
from oilake.quality.row_expectations import numpy_mask

BOXES, MASKS, RELATIONSHIPS, POINTS = "boxes", "masks", "relationships", "points"
# What each table reads beside image_id.
COLUMNS: dict[str, tuple[str, ...]] = {
    LABELS: ("mid", "human_verdict", "crowd_verdict", "verdict", "decided_by", "is_boxable"),
    BOXES: ("mid", *COORDINATES),
    MASKS: ("mid", "box_id", *COORDINATES),
    RELATIONSHIPS: (
        *MIDS,
        "relationship",
        "is_attribute",
        *(f"{edge}_{side}" for side in (1, 2) for edge in COORDINATES),
    ),
    POINTS: ("mid", "yes_votes", "no_votes"),
    IMAGES: (),
}
# What the tables are called in a row's sides.
SAID_IN = {LABELS: "labels", BOXES: BOXES, MASKS: MASKS, "mid_1": RELATIONSHIPS, "mid_2": RELATIONSHIPS, POINTS: POINTS}

RowTables = Iterator[pa.Table]


def find_contradictions(
    chunk: Mapping[str, ImageRuns], release: ContradictionSetting, kinds: Collection[str]
) -> pa.Table:
    """Rows of `contradictions` of these kinds, by image_id and then in the order of the rules.

    `chunk`: all rows of some images by table, with COLUMNS; `images` of all subsets. Edges are fractions of the image.
    """
    if not any(name != IMAGES for name in chunk):
        return SCHEMA.empty_table()
    evidence = gather_evidence(chunk, release)
    tables = [SCHEMA.empty_table()]
    for kind in release.rules.kinds:
        if kind in kinds:
            tables += FINDERS[kind](evidence, kind)
    rows = pa.concat_tables(table.cast(SCHEMA) for table in tables)
    return rows.take(pc.array_sort_indices(rows["image_id"])) if len(rows) else rows


def _differing_verdicts(evidence: ChunkEvidence, kind: str) -> RowTables:
    if (labels := evidence.tables.get(LABELS)) is None:
        return
    human, crowd = labels.rows["human_verdict"], labels.rows["crowd_verdict"]
    differing = labels.choose_rows(numpy_mask(pc.fill_null(pc.not_equal(human, crowd), False)))
    said = numpy_mask(differing.rows["human_verdict"])
    sides = {"source_1": "human", "value_1": text_choice(said, "yes", "no")}
    other = {"source_2": "crowdsource", "value_2": text_choice(~said, "yes", "no")}
    yield evidence.rows_of(kind, differing.keys, {**sides, **other})


def _denied_boxes(evidence: ChunkEvidence, kind: str) -> RowTables:
    if boxes := evidence.tables.get(BOXES):
        yield _denied_rows(evidence, kind, boxes, {"source_1": BOXES, "value_1": "box"}, COORDINATES)


def _denied_masks(evidence: ChunkEvidence, kind: str) -> RowTables:
    if masks := evidence.tables.get(MASKS):
        yield _denied_rows(
            evidence, kind, masks, {"source_1": MASKS, "value_1": "mask"}, COORDINATES, {"box_id": "box_id"}
        )


def _denied_relationships(evidence: ChunkEvidence, kind: str) -> RowTables:
    for n, (column, other) in enumerate(zip(MIDS, reversed(MIDS), strict=True), 1):
        if related := _class_rows(evidence, column):
            edges = [f"{edge}_{n}" for edge in COORDINATES]
            copied = {"value_1": "relationship", "other_mid": other}
            yield _denied_rows(evidence, kind, related, {"source_1": RELATIONSHIPS}, edges, copied)


def _class_rows(evidence: ChunkEvidence, name: str) -> KeyedRows | None:
    """The rows of a table whose MID is a class: the second of a relationship may be an attribute."""
    keyed = evidence.tables.get(name)
    if keyed is None or name != MIDS[1]:
        return keyed
    return keyed.choose_rows(~numpy_mask(keyed.rows["is_attribute"]))


def _denied_rows(
    evidence: ChunkEvidence,
    kind: str,
    keyed: KeyedRows,
    texts: Mapping[str, str],
    edges: Collection[str],
    copied: Mapping[str, str] | None = None,
) -> pa.Table:
    """One contradiction a row whose class people deny; `edges`: its columns of the box; `copied`: ours -> its column."""
    places = evidence.verdicts.denied_places(keyed.keys)
    denied = keyed.choose_rows(places != MISSING)
    decided_by = evidence.verdicts.decided_by.take(pa.array(places[places != MISSING]))
    columns = {**dict(zip(COORDINATES, edges, strict=True)), **(copied or {})}
    values = {name: denied.rows[column] for name, column in columns.items()}
    return evidence.rows_of(kind, denied.keys, {**texts, "source_2": decided_by, "value_2": NEGATIVE, **values})


def _denied_ancestors(evidence: ChunkEvidence, kind: str) -> RowTables:
    """One contradiction an image, class and denied ancestor."""
    verdicts = evidence.verdicts
    positive = np.flatnonzero(verdicts.is_positive)
    codes = evidence.class_codes(verdicts.keys[positive])
    below, above = evidence.release.ancestors.implied_codes(codes, evidence.classes)
    places = verdicts.denied_places(evidence.with_class(verdicts.keys[positive][below], above))
    is_denied = places != MISSING
    classes, ancestors = positive[below][is_denied], places[is_denied]
    cells = {
        "source_1": verdicts.decided_by.take(pa.array(classes)),
        "value_1": POSITIVE,
        "source_2": verdicts.decided_by.take(pa.array(ancestors)),
        "value_2": NEGATIVE,
        "other_mid": dictionary_column(above[is_denied], evidence.classes.mids),
    }
    yield evidence.rows_of(kind, verdicts.keys[classes], cells)


def _boxless_positives(evidence: ChunkEvidence, kind: str) -> RowTables:
    verdicts, boxes = evidence.verdicts, evidence.tables.get(BOXES)
    is_boxed = np.isin(verdicts.keys, boxes.keys) if boxes else np.zeros(len(verdicts.keys), np.bool_)
    codes = pa.array(evidence.class_codes(verdicts.keys))
    is_boxable = numpy_mask(pc.fill_null(evidence.classes.is_boxable.take(codes), False))
    boxless = np.flatnonzero(verdicts.is_positive & is_boxable & ~is_boxed)
    cells = {
        "source_1": verdicts.decided_by.take(pa.array(boxless)),
        "value_1": POSITIVE,
        "source_2": BOXES,
        "value_2": "no box",
    }
    yield evidence.rows_of(kind, verdicts.keys[boxless], cells)


def _boxless_masks(evidence: ChunkEvidence, kind: str) -> RowTables:
    if (masks := evidence.tables.get(MASKS)) is None:
        return
    boxes = evidence.tables.get(BOXES)
    drawn = _box_set(boxes) if boxes else BoxSet(np.empty(0, np.int64), np.empty((0, 4)))
    ious = box_matching.best_ious(_box_set(masks), drawn)
    is_boxless = ~box_matching.overlaps_enough(ious, evidence.release.rules.least_mask_iou)
    boxless, best = masks.choose_rows(is_boxless), ious[is_boxless]
    cells = {
        "source_1": MASKS,
        "value_1": "mask",
        "source_2": BOXES,
        "value_2": text_choice(np.isnan(best), "no box", "other boxes"),
        "iou": pa.array(best, mask=np.isnan(best)),
        **{name: boxless.rows[name] for name in ("box_id", *COORDINATES)},
    }
    yield evidence.rows_of(kind, boxless.keys, cells)


def _box_set(keyed: KeyedRows) -> BoxSet:
    return BoxSet(keyed.keys, np.column_stack([keyed.rows[name].to_numpy() for name in COORDINATES]))


def _outvoted_verdicts(evidence: ChunkEvidence, kind: str) -> RowTables:
    """One contradiction an image and class: the votes at all its points are counted together."""
    if (points := evidence.tables.get(POINTS)) is None or not len(points.keys):
        return
    starts = run_starts(points.keys)
    keys = points.keys[starts]
    yes, no = (np.add.reduceat(points.rows[name].fill_null(0).to_numpy(), starts) for name in ("yes_votes", "no_votes"))
    places = evidence.verdicts.places_of(keys)
    is_positive = np.append(evidence.verdicts.is_positive, False)[places]
    outvoted = np.flatnonzero((places != MISSING) & np.where(is_positive, no > yes, yes > no))
    cells = {
        "source_1": POINTS,
        "value_1": text_choice(is_positive[outvoted], "no", "yes"),
        "source_2": evidence.verdicts.decided_by.take(pa.array(places[outvoted])),
        "value_2": text_choice(is_positive[outvoted], POSITIVE, NEGATIVE),
        "yes_votes": pa.array(yes[outvoted]),
        "no_votes": pa.array(no[outvoted]),
    }
    yield evidence.rows_of(kind, keys[outvoted], cells)


def _unlisted_classes(evidence: ChunkEvidence, kind: str) -> RowTables:
    """One contradiction an image and MID, however many rows name it."""
    is_listed = numpy_mask(pc.is_in(evidence.classes.mids, value_set=evidence.release.classes.mids))
    unlisted = {}
    for name in SAID_IN:
        if keyed := _class_rows(evidence, name):
            unlisted[name] = keyed.keys[~is_listed[evidence.class_codes(keyed.keys)]]
    keys, sources = _naming_tables(unlisted)
    sides = {"source_1": sources, "value_1": "named", "source_2": "classes", "value_2": "not listed"}
    yield evidence.rows_of(kind, keys, sides)


def _unlisted_images(evidence: ChunkEvidence, kind: str) -> RowTables:
    """One contradiction an image, however many rows are of it; of no class."""
    is_listed = np.isin(evidence.images, evidence.listed)
    unlisted = {}
    for name, keyed in evidence.tables.items():
        images = keyed.keys >> evidence.class_bits
        unlisted[name] = images[~is_listed[images]] << evidence.class_bits
    keys, sources = _naming_tables(unlisted)
    nothing = {"mid": pa.nulls(len(keys), pa.string()), "display_name": pa.nulls(len(keys), pa.string())}
    sides = {"source_1": sources, "value_1": "named", "source_2": IMAGES, "value_2": "not listed"}
    yield evidence.rows_of(kind, keys, {**sides, **nothing})


def _naming_tables(keys_by_table: Mapping[str, Integers]) -> tuple[Integers, pa.Array]:
    """(the distinct keys, ascending; the tables that name each, with commas), both of shape (keys,)."""
    keys = np.unique(np.concatenate([np.empty(0, np.int64), *keys_by_table.values()]))
    names = list(dict.fromkeys(SAID_IN.values()))
    bits = np.zeros(len(keys), np.int64)
    for table, table_keys in keys_by_table.items():
        bits[np.searchsorted(keys, np.unique(table_keys))] |= 1 << names.index(SAID_IN[table])
    distinct, places = np.unique(bits, return_inverse=True)
    texts = [", ".join(name for n, name in enumerate(names) if bit >> n & 1) for bit in distinct.tolist()]
    return keys, dictionary_column(places, pa.array(texts, pa.string()))


FINDERS: dict[str, Callable[[ChunkEvidence, str], RowTables]] = {
    "human_against_crowd": _differing_verdicts,
    "box_of_denied_class": _denied_boxes,
    "mask_of_denied_class": _denied_masks,
    "relationship_of_denied_class": _denied_relationships,
    "denied_ancestor": _denied_ancestors,
    "positive_without_box": _boxless_positives,
    "mask_without_box": _boxless_masks,
    "outvoted_verdict": _outvoted_verdicts,
    "unlisted_class": _unlisted_classes,
    "unlisted_image": _unlisted_images,
}
