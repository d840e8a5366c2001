"""Which detections are right, wrong or not counted, by the rules of the Open Images challenge; pure functions of arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from oilake.jobs.evaluating.best_partners import (
    Mask,
    Overlap,
    best_partners,
    first_claims,
    own_shares,
    score_ranks,
)
from oilake.jobs.transforms.box_matching import NOBODY, Edges, box_ious
from oilake.jobs.transforms.label_keys import Doubles, Integers

LEAST_OVERLAP = 0.5


@dataclass(frozen=True)
class Detections:
    """What a model claims, in any order, each of shape (n,). `keys`: image and class as one number; `rows`: in the file."""

    keys: Integers
    scores: Doubles
    rows: Integers

    def take(self, places: Integers | Mask) -> Detections:
        """Return some of them."""
        return Detections(self.keys[places], self.scores[places], self.rows[places])


@dataclass(frozen=True)
class TruthMarks:
    """What is there, each of shape (m,). `keys` as of detections, ascending; `is_group_of`: it spans several instances;
    `is_difficult`: a detection of it is not counted, as of an instance whose mask is not known."""

    keys: Integers
    is_group_of: Mask
    is_difficult: Mask


class MarkOverlaps(NamedTuple):
    """How far detections and marks overlap: over the `union` of both, and over the detection's `own` area."""

    union: Overlap
    own: Overlap


@dataclass(frozen=True)
class CountedDetections:
    """What counts, by key, score and row, each of shape (n,). `weights`: 1 of a right one, 0 of a wrong one, the group-of
    weight of the best one in a group."""

    keys: Integers
    scores: Doubles
    rows: Integers
    weights: Doubles


def box_overlaps(detected: Edges, marked: Edges) -> MarkOverlaps:
    """Return the overlaps of boxes (x_min, x_max, y_min, y_max)."""
    return MarkOverlaps(
        lambda left, right: box_ious(detected[left], marked[right]),
        lambda left, right: own_shares(detected[left], marked[right]),
    )


def count_detections(
    detections: Detections,
    marks: TruthMarks,
    overlaps: MarkOverlaps,
    group_weight: float,
    rough: MarkOverlaps | None = None,
) -> CountedDetections:
    """Return what counts of detections whose class is verified on their image.

    A detection is right where its best ordinary mark overlaps it by half and is free; where it is not, but half of it lies
    in a group, it is taken out, and the best one in each group counts `group_weight` where that is above 0. What is left
    is taken out where it meets a difficult mark likewise, by `rough` overlaps where others are not known of these.
    """
    ranks = score_ranks(detections.scores, detections.rows)
    is_clear = ~marks.is_difficult
    is_right = first_claims(_ordinary_partners(detections, marks, is_clear, overlaps), ranks)
    groups = _group_partners(detections, marks, is_clear, overlaps)
    groups[is_right] = NOBODY
    is_best_of_group = first_claims(groups, ranks) & (group_weight > 0)
    is_ignored = ~is_right & _meet_difficult(detections, marks, rough or overlaps)
    is_counted = is_best_of_group | ((groups == NOBODY) & ~is_ignored)
    weights = np.where(is_right, 1.0, np.where(is_best_of_group, group_weight, 0.0))
    counted = detections.take(is_counted)
    return CountedDetections(counted.keys, counted.scores, counted.rows, weights[is_counted])


def count_marks(marks: TruthMarks, class_codes: Integers, classes: int, group_weight: float) -> Doubles:
    """Return by class what a model should find: ordinary marks, and groups by their weight; difficult ones are none."""
    weights = np.where(marks.is_group_of, group_weight, 1.0) * ~marks.is_difficult
    return np.asarray(np.bincount(class_codes, weights, classes), np.float64)


def _meet_difficult(detections: Detections, marks: TruthMarks, overlaps: MarkOverlaps) -> Mask:
    """Tell which detections meet a mark of which too little is known."""
    if not marks.is_difficult.any():
        return np.zeros(len(detections.keys), np.bool_)
    ordinary = _ordinary_partners(detections, marks, marks.is_difficult, overlaps)
    return np.asarray(
        (ordinary != NOBODY) | (_group_partners(detections, marks, marks.is_difficult, overlaps) != NOBODY)
    )


def _ordinary_partners(detections: Detections, marks: TruthMarks, is_chosen: Mask, overlaps: MarkOverlaps) -> Integers:
    return _partners_among(detections, marks, is_chosen & ~marks.is_group_of, overlaps.union)


def _group_partners(detections: Detections, marks: TruthMarks, is_chosen: Mask, overlaps: MarkOverlaps) -> Integers:
    return _partners_among(detections, marks, is_chosen & marks.is_group_of, overlaps.own)


def _partners_among(detections: Detections, marks: TruthMarks, is_chosen: Mask, overlap: Overlap) -> Integers:
    """Find the best partners among some of the marks, as places among all."""
    places = np.flatnonzero(is_chosen)
    partners = best_partners(
        detections.keys, marks.keys[places], lambda left, right: overlap(left, places[right]), LEAST_OVERLAP
    )
    return np.append(places, NOBODY)[partners]
