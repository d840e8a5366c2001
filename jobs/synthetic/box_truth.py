"""What became of every box between two releases, by its definition: matched by values, then for the greatest sum of IoU."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from oilake.jobs.synthetic.pairs import Pairs

LEAST_IOU = 0.5

Number = int | None


class BoxSides(NamedTuple):
    """The edges of a box as fractions of the image."""

    x_min: float
    x_max: float
    y_min: float
    y_max: float


class BoxChange(NamedTuple):
    """Row numbers of a box before and after (None where there is none), and the IoU of both."""

    change: str
    before: Number
    after: Number
    iou: float | None


def box_changes(
    before_pairs: Pairs, before: Sequence[BoxSides], after_pairs: Pairs, after: Sequence[BoxSides]
) -> Iterator[BoxChange]:
    """Every box of two releases, by pair in ascending order."""
    left, right = (_rows_by_pair(pairs) for pairs in (before_pairs, after_pairs))
    for pair in sorted(left.keys() | right.keys()):
        yield from _pair_changes(left.get(pair, []), before, right.get(pair, []), after)


def _rows_by_pair(pairs: Pairs) -> dict[int, list[int]]:
    rows: dict[int, list[int]] = {}
    for row, pair in enumerate(pairs.tolist()):
        rows.setdefault(pair, []).append(row)
    return rows


def _pair_changes(
    left: list[int], before: Sequence[BoxSides], right: list[int], after: Sequence[BoxSides]
) -> Iterator[BoxChange]:
    remaining, rest = list(right), []
    for row in left:
        same = next((candidate for candidate in remaining if before[row] == after[candidate]), None)
        if same is None:
            rest.append(row)
        else:
            remaining.remove(same)
            yield BoxChange("unchanged", row, same, 1.0)
    overlaps = [[intersection_over_union(before[row], after[candidate]) for candidate in remaining] for row in rest]
    partners = best_partners(overlaps)
    for n, partner in enumerate(partners):
        if partner is None:
            yield BoxChange("removed", rest[n], None, None)
        else:
            yield BoxChange("redrawn", rest[n], remaining[partner], overlaps[n][partner])
    for m in sorted(set(range(len(remaining))) - set(partners)):
        yield BoxChange("added", None, remaining[m], None)


def intersection_over_union(left: BoxSides, right: BoxSides) -> float:
    """The shared area of two boxes as a share of what both cover; 0 where neither covers any."""
    width = min(left.x_max, right.x_max) - max(left.x_min, right.x_min)
    height = min(left.y_max, right.y_max) - max(left.y_min, right.y_min)
    shared = max(width, 0.0) * max(height, 0.0)
    areas = [(box.x_max - box.x_min) * (box.y_max - box.y_min) for box in (left, right)]
    total = sum(areas) - shared
    return shared / total if total > 0 else 0.0


def best_partners(overlaps: Sequence[Sequence[float]]) -> list[Number]:
    """For each row its column, or None: the one-to-one choice with the greatest sum, each overlap at least LEAST_IOU."""
    partners: list[Number] = [None] * len(overlaps)
    edges = {row: [m for m, iou in enumerate(line) if iou >= LEAST_IOU] for row, line in enumerate(overlaps)}
    for rows in _components({row: columns for row, columns in edges.items() if columns}):
        for row, column in zip(rows, _best_choice(overlaps, edges, rows), strict=True):
            partners[row] = column
    return partners


def _components(edges: dict[int, list[int]]) -> Iterator[list[int]]:
    """Rows that hang together by common columns, ascending."""
    left = dict(edges)
    while left:
        first = min(left)
        rows, columns = [first], set(left.pop(first))
        while joining := [row for row, reached in left.items() if columns & set(reached)]:
            for row in joining:
                columns |= set(left.pop(row))
            rows += joining
        yield sorted(rows)


def _best_choice(
    overlaps: Sequence[Sequence[float]], edges: dict[int, list[int]], rows: Sequence[int]
) -> tuple[Number, ...]:
    """The best choice for rows that hang together, tried out; the first of equal ones."""
    best: dict[tuple[int, int], tuple[float, tuple[Number, ...]]] = {}

    def try_from(n: int, used: int) -> tuple[float, tuple[Number, ...]]:
        if n == len(rows):
            return 0.0, ()
        if (n, used) not in best:
            options: list[tuple[float, tuple[Number, ...]]] = []
            for column in edges[rows[n]]:
                if not used >> column & 1:
                    total, rest = try_from(n + 1, used | 1 << column)
                    options.append((total + overlaps[rows[n]][column], (column, *rest)))
            total, rest = try_from(n + 1, used)
            best[n, used] = max([*options, (total, (None, *rest))], key=lambda option: option[0])
        return best[n, used]

    return try_from(0, 0)[1]
