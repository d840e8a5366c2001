"""Which box of a later release is which of an earlier one: equal edges first, then the largest sum of IoU."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oilake.jobs.transforms.label_keys import Doubles, Integers, range_numbers

# IoU is compared in steps of 2^-40: sums of whole numbers are exact, so equal sums are seen as ties.
STEPS = 1 << 40
# Pairs of boxes looked at together: what bounds the memory of an image with thousands of boxes of one class.
PAIRS_AT_ONCE = 1 << 20
NOBODY = -1

Edges = npt.NDArray[np.float64]
Scores = Mapping[tuple[int, int], int]


@dataclass(frozen=True)
class BoxSet:
    """Boxes of one release, by key, in the published order within a key. `keys`: image and class as one number that never
    falls, shape (rows,); `edges`: x_min, x_max, y_min, y_max as fractions of the image, shape (rows, 4)."""

    keys: Integers
    edges: Edges

    def take(self, places: Integers) -> BoxSet:
        """Some of the boxes."""
        return BoxSet(self.keys[places], self.edges[places])


@dataclass(frozen=True)
class BoxPairs:
    """Boxes that are the same, one to one: their places in both releases, and their IoU; each of shape (pairs,)."""

    before: Integers
    after: Integers
    ious: Doubles


def equal_pairs(before: BoxSet, after: BoxSet) -> BoxPairs:
    """The boxes of one key with the same four edges; of repeated ones the first with the first, and so on."""
    left, right = _same_rows(before, after)
    old, new = _other_places(left, len(before.keys)), _other_places(right, len(after.keys))
    moved = _sorted_pairs(before.take(old), after.take(new))
    places = np.concatenate([left, old[moved.before]])
    order = np.argsort(places, kind="stable")
    return BoxPairs(places[order], np.concatenate([right, new[moved.after]])[order], np.ones(len(order)))


def _same_rows(before: BoxSet, after: BoxSet) -> tuple[Integers, Integers]:
    """The places of the boxes of keys that have the same boxes in the same order in both, which needs no sorting."""
    if not len(before.keys) or not len(after.keys):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    starts, ends = (np.searchsorted(before.keys, before.keys, side=side) for side in ("left", "right"))
    firsts, stops = (np.searchsorted(after.keys, before.keys, side=side) for side in ("left", "right"))
    partners = firsts + np.arange(len(before.keys)) - starts
    same = ends - starts == stops - firsts
    same[same] = (before.edges[same] == after.edges[partners[same]]).all(axis=1)
    groups = np.unique(starts)
    whole = np.logical_and.reduceat(same, groups)
    chosen = np.flatnonzero(np.repeat(whole, np.diff(np.append(groups, len(starts)))))
    return chosen, partners[chosen]


def _other_places(chosen: Integers, count: int) -> Integers:
    """The places up to `count` that are not chosen, ascending."""
    is_left = np.ones(count, np.bool_)
    is_left[chosen] = False
    return np.flatnonzero(is_left)


def _sorted_pairs(before: BoxSet, after: BoxSet) -> BoxPairs:
    count, keys = len(before.keys), np.concatenate([before.keys, after.keys])
    edges = np.concatenate([before.edges, after.edges])
    order = np.lexsort((*edges.T[::-1], keys))  # stable: within equal boxes the earlier release's come first
    starts = np.empty(len(order), np.bool_)
    starts[:1] = True
    starts[1:] = (keys[order[1:]] != keys[order[:-1]]) | (edges[order[1:]] != edges[order[:-1]]).any(axis=1)
    groups = np.cumsum(starts) - 1
    is_before = order < count
    firsts = np.flatnonzero(starts)
    of_before = np.bincount(groups, weights=is_before, minlength=len(firsts)).astype(np.int64)
    of_after = np.bincount(groups, minlength=len(firsts)) - of_before
    shared = np.minimum(of_before, of_after)
    places = range_numbers(firsts, firsts + shared)
    partners = places + np.repeat(of_before, shared)
    return BoxPairs(order[places], order[partners] - count, np.ones(len(places)))


def redrawn_pairs(before: BoxSet, after: BoxSet, least_iou: float) -> BoxPairs:
    """The one-to-one match within each key that has the largest sum of IoU, each at least `least_iou`.

    Of several such matches the one that gives the first box of the earlier release the earliest partner, then the second,
    and so on; no partner is the last choice.
    """
    left, right, ious = _candidate_pairs(before, after, least_iou)
    alone = (np.bincount(left, minlength=1)[left] == 1) & (np.bincount(right, minlength=1)[right] == 1)
    contested = np.flatnonzero(~alone)
    scores = np.rint(ious[contested] * STEPS).astype(np.int64).tolist()
    pairs = list(zip(left[contested].tolist(), right[contested].tolist(), strict=True))
    chosen = np.flatnonzero(alone)
    if pairs:
        kept = {pair for group in _linked_groups(pairs, scores) for pair in best_pairs(group)}
        chosen = np.union1d(chosen, contested[[pair in kept for pair in pairs]])
    return BoxPairs(left[chosen], right[chosen], ious[chosen])


def box_ious(before: Edges, after: Edges) -> Doubles:
    """Intersection over union of boxes row by row, shape (rows,); 0 where both are without area."""
    common = shared_areas(before, after)
    union = box_areas(before) + box_areas(after) - common
    ious: Doubles = np.divide(common, union, out=np.zeros(len(common)), where=union > 0)
    return np.minimum(ious, 1)


def shared_areas(before: Edges, after: Edges) -> Doubles:
    """What boxes have in common row by row, shape (rows,)."""
    widths = np.minimum(before[:, 1], after[:, 1]) - np.maximum(before[:, 0], after[:, 0])
    heights = np.minimum(before[:, 3], after[:, 3]) - np.maximum(before[:, 2], after[:, 2])
    return np.asarray(np.maximum(widths, 0) * np.maximum(heights, 0))


def box_areas(edges: Edges) -> Doubles:
    """The areas of boxes, shape (rows,)."""
    return np.asarray((edges[:, 1] - edges[:, 0]) * (edges[:, 3] - edges[:, 2]))


def best_ious(boxes: BoxSet, others: BoxSet) -> Doubles:
    """The largest IoU of each box with one of the others of its key, shape (rows,); 1 for the same edges, NaN where there is
    no other."""
    best = np.full(len(boxes.keys), np.nan)
    for left, right in key_pairs(boxes.keys, others.keys):
        ious = box_ious(boxes.edges[left], others.edges[right])
        ious[(boxes.edges[left] == others.edges[right]).all(axis=1)] = 1
        np.fmax.at(best, left, ious)
    return best


def overlaps_enough(ious: Doubles, least_iou: float) -> npt.NDArray[np.bool_]:
    """Which reach `least_iou`, in steps; NaN does not."""
    return np.asarray(np.rint(ious * STEPS) >= np.rint(least_iou * STEPS))


def _candidate_pairs(before: BoxSet, after: BoxSet, least_iou: float) -> tuple[Integers, Integers, Doubles]:
    """(places before, places after, IoU) of all pairs within a key that overlap enough, by both places."""
    lefts, rights, overlaps = [], [], []
    for left, right in key_pairs(before.keys, after.keys):
        ious = box_ious(before.edges[left], after.edges[right])
        near = np.flatnonzero(overlaps_enough(ious, least_iou))
        lefts.append(left[near])
        rights.append(right[near])
        overlaps.append(ious[near])
    nothing = np.empty(0, np.int64)
    return (
        np.concatenate([nothing, *lefts]),
        np.concatenate([nothing, *rights]),
        np.concatenate([np.empty(0), *overlaps]),
    )


def key_pairs(before: Integers, after: Integers) -> Iterator[tuple[Integers, Integers]]:
    """(places before, places after) of all pairs within a key, some at a time, by both places; `after` never falls."""
    firsts, stops = (np.searchsorted(after, before, side=side) for side in ("left", "right"))
    counts = stops - firsts
    for start, stop in _bounded_slices(counts, PAIRS_AT_ONCE):
        yield (
            np.repeat(np.arange(start, stop), counts[start:stop]),
            range_numbers(firsts[start:stop], stops[start:stop]),
        )


def _bounded_slices(counts: Integers, most: int) -> Iterator[tuple[int, int]]:
    """(start, stop) of slices whose counts sum up to at most `most`, or that hold one row."""
    ends, start = np.cumsum(counts), 0
    while start < len(counts):
        done = int(ends[start - 1]) if start else 0
        stop = max(int(np.searchsorted(ends, done + most, side="right")), start + 1)
        yield start, stop
        start = stop


def _linked_groups(pairs: Sequence[tuple[int, int]], scores: Sequence[int]) -> Iterator[dict[tuple[int, int], int]]:
    """The pairs, with their scores, that share boxes with each other, directly or by others."""
    by_left, by_right = defaultdict(list), defaultdict(list)
    for place, (left, right) in enumerate(pairs):
        by_left[left].append(place)
        by_right[right].append(place)
    is_grouped = [False] * len(pairs)
    for first in range(len(pairs)):
        if is_grouped[first]:
            continue
        is_grouped[first], group = True, [first]
        for place in group:  # grows meanwhile
            left, right = pairs[place]
            for neighbour in (*by_left.pop(left, ()), *by_right.pop(right, ())):
                if not is_grouped[neighbour]:
                    is_grouped[neighbour] = True
                    group.append(neighbour)
        yield {pairs[place]: scores[place] for place in group}


def best_pairs(scores: Scores) -> list[tuple[int, int]]:
    """The one-to-one match with the largest sum; of several the one that gives the lowest first place the lowest partner,
    then the next. `scores`: (place before, place after) -> above 0."""
    lefts, rights = sorted({left for left, _ in scores}), sorted({right for _, right in scores})
    size, base = max(len(lefts), len(rights)), len(rights) + 1
    costs = [[0] * size for _ in range(size)]
    for (left, right), score in scores.items():
        row, column = lefts.index(left), rights.index(right)
        # Python's integers hold both: the sum weighs more than any order, an earlier row's partner more than all later ones.
        costs[row][column] = -score * base ** len(lefts) - (base - 1 - column) * base ** (len(lefts) - 1 - row)
    chosen = ((lefts[row], column) for row, column in enumerate(assign_rows(costs)) if row < len(lefts))
    named = [(left, rights[column]) for left, column in chosen if column < len(rights)]
    return [pair for pair in named if pair in scores]


def assign_rows(costs: Sequence[Sequence[int]]) -> list[int]:
    """The column of each row so that every column is taken once and the costs of a square matrix sum up to the least:
    the Hungarian method, on whole numbers of any size."""
    size = len(costs)
    row_potentials, column_potentials = [0] * size, [0] * (size + 1)
    owners = [NOBODY] * (size + 1)  # the row of each column; the last column is where a row comes in
    for row in range(size):
        owners[size] = row
        _admit_row(costs, owners, row_potentials, column_potentials)
    columns = [0] * size
    for column, row in enumerate(owners[:size]):
        columns[row] = column
    return columns


def _admit_row(
    costs: Sequence[Sequence[int]], owners: list[int], row_potentials: list[int], column_potentials: list[int]
) -> None:
    """Gives the row of the last column one of its own, by the cheapest chain of rows that change theirs."""
    column = size = len(costs)
    free, visited = set(range(size)), []
    slack: dict[int, int] = {}
    previous: dict[int, int] = {}
    while owners[column] != NOBODY:
        visited.append(column)
        row = owners[column]
        for n in free:
            reduced = costs[row][n] - row_potentials[row] - column_potentials[n]
            if n not in slack or reduced < slack[n]:
                slack[n], previous[n] = reduced, column
        column = min(free, key=slack.__getitem__)
        least = slack[column]
        for n in visited:
            row_potentials[owners[n]] += least
            column_potentials[n] -= least
        for n in free:
            slack[n] -= least
        free.remove(column)
    while column != size:
        owners[column], column = owners[previous[column]], previous[column]
