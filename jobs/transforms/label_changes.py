"""Rows of `image_labels` of two releases to rows of `label_changes`: integer keys, and strings of changed rows only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oilake.conf.reconcile_policy import EVIDENCE
from oilake.jobs.transforms import label_keys
from oilake.jobs.transforms.class_ancestors import NO_ANCESTORS, ClassAncestors
from oilake.jobs.transforms.class_vocabulary import ClassVocabulary
from oilake.jobs.transforms.image_ids import as_ids
from oilake.jobs.transforms.image_runs import ImageRuns, Numbers, distinct_images
from oilake.jobs.transforms.label_keys import Doubles, Integers
from oilake.jobs.transforms.release_diff import (
    FROM,
    MISSING,
    TO,
    ChosenRows,
    dictionary_column,
    match_rows,
    side_name,
    side_subsets,
)
from oilake.jobs.transforms.verdicts import CORRECTION
from oilake.schemas.loader import arrow_schema, table_schema

COLUMNS = ("mid", "verdict", "decided_by", "machine_confidence")
CHANGES = (
    "added",
    "removed",
    "made_leaf_most",
    "flipped",
    "newly_verified",
    "no_longer_verified",
    "confidence_changed",
)
ADDED, REMOVED, LEAF_MOST, FLIPPED, NEWLY_VERIFIED, NO_LONGER_VERIFIED, CONFIDENCE_CHANGED, UNCHANGED = range(
    len(CHANGES) + 1
)
VERDICTS = ("positive", "negative", "unverified")
DECIDERS = ("machine", "human", "crowdsource", *EVIDENCE, CORRECTION)
# A state is a verdict and who decided it: len(VERDICTS) * decider + verdict.
STATES = len(VERDICTS) * len(DECIDERS)
# What another than the machine decides, people decide: boxes, masks, relationships and points are drawn by them.
PEOPLE_POSITIVE = tuple(
    len(VERDICTS) * place + VERDICTS.index("positive") for place, decider in enumerate(DECIDERS) if decider != "machine"
)

Bytes = npt.NDArray[np.int8]
Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class LabelRows:
    """Rows of one subset, ascending: image and MID as one key, state, and confidence (NaN for NULL), each (rows,)."""

    keys: Integers
    states: Bytes
    confidences: Doubles

    def take(self, chosen: ChosenRows) -> LabelRows:
        """Some of the rows."""
        return LabelRows(self.keys[chosen], self.states[chosen], self.confidences[chosen])


def compare_labels(
    chunk: Mapping[str, ImageRuns], classes: ClassVocabulary, ancestors: ClassAncestors = NO_ANCESTORS
) -> pa.Table:
    """The changed rows in the order of (image_id, mid); none where all are equal.

    `chunk`: all rows of some images with COLUMNS, by side (see jobs/transforms/release_diff.py); `ancestors`: those of the
    later release's hierarchy.
    """
    classes = classes.including(part.rows["mid"] for part in chunk.values())
    images = distinct_images([part.images for part in chunk.values()])
    before, after = (
        {subset: _label_rows(chunk[side_name(role, subset)], images, classes) for subset in side_subsets(chunk, role)}
        for role in (FROM, TO)
    )
    names = sorted({*before, *after})
    met, removed, added = match_rows(
        {subset: rows.keys for subset, rows in before.items()}, {subset: rows.keys for subset, rows in after.items()}
    )
    parts = [
        _changed_pairs(names, m.before, before[m.before].take(m.left), m.after, after[m.after].take(m.right))
        for m in met
    ]
    parts += [_one_sided_pairs(names, FROM, subset, before[subset].take(gone)) for subset, gone in removed.items()]
    parts += [_one_sided_pairs(names, TO, subset, after[subset].take(new)) for subset, new in added.items()]
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    positives = [rows.keys[np.isin(rows.states, PEOPLE_POSITIVE)] for rows in after.values()]
    _mark_leaf_most(arrays, np.concatenate([np.empty(0, np.int64), *positives]), classes, ancestors)
    return _changes_table(arrays, names, images, classes)


def _mark_leaf_most(arrays: Arrays, positives: Integers, classes: ClassVocabulary, ancestors: ClassAncestors) -> None:
    """Tells the positives that gave way to a class below them from those that were withdrawn. `positives`: the pairs that
    people confirm in the later release."""
    vanished = np.isin(arrays["changes"], (REMOVED, NO_LONGER_VERIFIED))
    places = np.flatnonzero(vanished & np.isin(arrays["from_state"], PEOPLE_POSITIVE))
    keys = arrays["keys"][places]
    bits = label_keys.bit_width(len(classes.mids))
    near = positives[np.isin(positives >> bits, keys >> bits)]
    rows, implied = ancestors.implied_codes(near & ((1 << bits) - 1), classes)
    arrays["changes"][places[np.isin(keys, (near[rows] >> bits << bits) | implied)]] = LEAF_MOST


def _label_rows(part: ImageRuns, images: Numbers, classes: ClassVocabulary) -> LabelRows:
    keys = label_keys.pair_keys(part, images, classes)
    verdicts, deciders = _value_codes(part.rows["verdict"], VERDICTS), _value_codes(part.rows["decided_by"], DECIDERS)
    states = deciders * np.int8(len(VERDICTS)) + verdicts
    rows = LabelRows(keys, states, part.rows["machine_confidence"].to_numpy())
    return rows if (keys[1:] >= keys[:-1]).all() else rows.take(np.argsort(keys, kind="stable"))


def _value_codes(column: pa.ChunkedArray, values: Sequence[str]) -> Bytes:
    """Of each row of a dictionary column the place of its value in `values`, which hold them all."""
    codes = [
        np.array([values.index(value) for value in chunk.dictionary.to_pylist()], np.int8)[chunk.indices.to_numpy()]
        for chunk in column.chunks
    ]
    return np.concatenate([np.empty(0, np.int8), *codes])


def _change_kinds() -> Bytes:
    """What a pair's verdicts tell, by STATES * state before + state after."""
    people = [None if state // len(VERDICTS) == DECIDERS.index("machine") else state % 3 for state in range(STATES)]
    return np.array([_change_kind(before, after) for before in people for after in people], np.int8)


def _change_kind(before: int | None, after: int | None) -> int:
    if before == after:
        return UNCHANGED
    if before is None:
        return NEWLY_VERIFIED
    return NO_LONGER_VERIFIED if after is None else FLIPPED


KINDS = _change_kinds()


def _changed_pairs(names: Sequence[str], old: str, before: LabelRows, new: str, after: LabelRows) -> Arrays:
    """The pairs among those that both releases have which changed."""
    kinds = KINDS.take(before.states.astype(np.int16) * np.int16(STATES) + after.states)
    differ = before.confidences != after.confidences
    differ &= ~(np.isnan(before.confidences) & np.isnan(after.confidences))
    kinds[differ & (kinds == UNCHANGED)] = CONFIDENCE_CHANGED
    changed = np.flatnonzero(kinds != UNCHANGED)
    columns: Arrays = {
        "keys": before.keys[changed],
        "changes": kinds[changed],
        "is_confidence_changed": differ[changed],
    }
    columns["is_subset_moved"] = np.full(len(changed), old != new)
    columns |= _side_columns(FROM, names.index(old), before.take(changed))
    return columns | _side_columns(TO, names.index(new), after.take(changed))


def _one_sided_pairs(names: Sequence[str], role: str, subset: str, rows: LabelRows) -> Arrays:
    """Pairs that one release has."""
    count = len(rows.keys)
    nothing = LabelRows(rows.keys, np.full(count, MISSING, np.int8), np.full(count, np.nan))
    no = np.zeros(count, np.bool_)
    columns: Arrays = {"keys": rows.keys, "changes": np.full(count, REMOVED if role == FROM else ADDED, np.int8)}
    columns |= {"is_confidence_changed": no, "is_subset_moved": no, **_side_columns(role, names.index(subset), rows)}
    return columns | _side_columns(TO if role == FROM else FROM, MISSING, nothing)


def _side_columns(role: str, subset: int, rows: LabelRows) -> Arrays:
    subsets = np.full(len(rows.keys), subset, np.int8)
    return {f"{role}_subset": subsets, f"{role}_state": rows.states, f"{role}_confidence": rows.confidences}


def _changes_table(arrays: Arrays, names: Sequence[str], images: Numbers, classes: ClassVocabulary) -> pa.Table:
    order = np.argsort(arrays["keys"], kind="stable")
    arrays = {name: values[order] for name, values in arrays.items()}
    bits = label_keys.bit_width(len(classes.mids))
    places, runs = np.unique(arrays["keys"] >> bits, return_inverse=True)
    columns = {
        "image_id": dictionary_column(runs, as_ids(images[places])),
        "mid": dictionary_column(arrays["keys"] & ((1 << bits) - 1), classes.mids),
        "change": dictionary_column(arrays["changes"], pa.array(CHANGES)),
        "is_confidence_changed": pa.array(arrays["is_confidence_changed"]),
        "is_subset_moved": pa.array(arrays["is_subset_moved"]),
    }
    for role in (FROM, TO):
        state, confidence = arrays[f"{role}_state"], arrays[f"{role}_confidence"]
        columns[f"{role}_subset"] = dictionary_column(arrays[f"{role}_subset"], pa.array(names, pa.string()))
        columns[f"{role}_verdict"] = dictionary_column(
            np.where(state < 0, MISSING, state % len(VERDICTS)), pa.array(VERDICTS)
        )
        columns[f"{role}_decided_by"] = dictionary_column(state // len(VERDICTS), pa.array(DECIDERS))
        columns[f"{role}_machine_confidence"] = pa.array(confidence, mask=np.isnan(confidence))
    return pa.table({name: columns[name] for name in arrow_schema(table_schema("label_changes")).names})
