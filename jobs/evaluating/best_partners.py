"""Which mark of the ground truth overlaps a detection most, and which detection takes it: numpy over all images at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from oilake.jobs.transforms.label_keys import Doubles, Integers, range_numbers

# Pairs of a detection and a mark looked at together: what bounds the memory of an image with thousands of one class.
PAIRS_AT_ONCE = 1 << 20
NOBODY = -1

Edges = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Overlap = Callable[[Integers, Integers], Doubles]


def best_partners(detection_keys: Integers, mark_keys: Integers, overlap: Overlap, least: float) -> Integers:
    """Find for each detection the mark of its own key that overlaps it most, the first of equal ones; shape (detections,).

    NOBODY where none reaches `least`. Keys are images and classes as numbers; those of marks ascend. `overlap` is given
    places of detections and of marks, side by side, and returns how far each pair overlaps, 0 to 1.
    """
    firsts, stops = (np.searchsorted(mark_keys, detection_keys, side=side) for side in ("left", "right"))
    partners = np.full(len(detection_keys), NOBODY, np.int64)
    for chosen in _chunks_of_pairs(stops - firsts):
        lengths = (stops - firsts)[chosen]
        owners = np.repeat(np.arange(len(chosen)), lengths)
        marks = range_numbers(firsts[chosen], stops[chosen])
        overlaps = overlap(chosen[owners], marks)
        best = np.maximum.reduceat(overlaps, np.cumsum(lengths) - lengths)
        best_places = np.flatnonzero(overlaps == best[owners])
        first_places = best_places[np.unique(owners[best_places], return_index=True)[1]]
        partners[chosen] = np.where(best >= least, marks[first_places], NOBODY)
    return partners


def first_claims(partners: Integers, ranks: Integers) -> Mask:
    """Tell which detections are the first by `ranks` of all that have their partner; never one without a partner."""
    claims = np.flatnonzero(partners != NOBODY)
    order = claims[np.lexsort((ranks[claims], partners[claims]))]
    is_first = np.zeros(len(partners), np.bool_)
    is_first[order[np.diff(partners[order], prepend=NOBODY) != 0]] = True
    return is_first


def score_ranks(scores: Doubles, rows: Integers) -> Integers:
    """Rank detections by falling score, equal ones by their rows in the file; shape (detections,)."""
    ranks = np.empty(len(scores), np.int64)
    ranks[np.lexsort((rows, -scores))] = np.arange(len(scores))
    return ranks


def union_shares(left: Edges, right: Edges) -> Doubles:
    """Return the intersection over the union of boxes side by side (x_min, x_max, y_min, y_max), shape (pairs,)."""
    shared = _shared_areas(left, right)
    unions = box_areas(left) + box_areas(right) - shared
    return np.divide(shared, unions, out=np.zeros_like(shared), where=unions > 0)


def own_shares(left: Edges, right: Edges) -> Doubles:
    """Return the intersection over the area of the left box of boxes side by side, shape (pairs,)."""
    shared, areas = _shared_areas(left, right), box_areas(left)
    return np.divide(shared, areas, out=np.zeros_like(shared), where=areas > 0)


def box_areas(edges: Edges) -> Doubles:
    """Return the areas of boxes (x_min, x_max, y_min, y_max), shape (boxes,)."""
    return np.asarray((edges[:, 1] - edges[:, 0]) * (edges[:, 3] - edges[:, 2]))


def _shared_areas(left: Edges, right: Edges) -> Doubles:
    widths = np.minimum(left[:, 1], right[:, 1]) - np.maximum(left[:, 0], right[:, 0])
    heights = np.minimum(left[:, 3], right[:, 3]) - np.maximum(left[:, 2], right[:, 2])
    return np.asarray(np.maximum(widths, 0.0) * np.maximum(heights, 0.0))


def _chunks_of_pairs(lengths: Integers) -> Iterator[Integers]:
    """Yield the places of detections that have a pair, as many at once as make about PAIRS_AT_ONCE pairs."""
    places = np.flatnonzero(lengths)
    chunk_numbers = (np.cumsum(lengths[places]) - 1) // PAIRS_AT_ONCE
    yield from np.split(places, np.flatnonzero(np.diff(chunk_numbers)) + 1) if len(places) else ()
