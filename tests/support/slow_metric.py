"""The rules of the challenge's metric read one by one, in plain Python and exact fractions: what the fast one must give."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

Edges = tuple[int, int, int, int]
Measure = Callable[[Edges, Edges], Fraction]
HALF = Fraction(1, 2)


class Truth(NamedTuple):
    """A box that is there; edges as x_min, x_max, y_min, y_max."""

    image: int
    label: int
    edges: Edges
    is_group: bool = False


class Claim(NamedTuple):
    """A box that a model predicts."""

    image: int
    label: int
    edges: Edges
    score: float


class Count(NamedTuple):
    """What a prediction counts: at which score, and how much of it is right."""

    score: float
    weight: Fraction


def area(edges: Edges) -> int:
    """The area of a box."""
    return (edges[1] - edges[0]) * (edges[3] - edges[2])


def shared_area(left: Edges, right: Edges) -> int:
    """The area that two boxes share."""
    width = min(left[1], right[1]) - max(left[0], right[0])
    height = min(left[3], right[3]) - max(left[2], right[2])
    return max(width, 0) * max(height, 0)


def over_union(left: Edges, right: Edges) -> Fraction:
    """Intersection over union."""
    shared = shared_area(left, right)
    union = area(left) + area(right) - shared
    return Fraction(shared, union) if union else Fraction(0)


def over_own(left: Edges, right: Edges) -> Fraction:
    """Intersection over the area of the left box."""
    return Fraction(shared_area(left, right), area(left))


def average_precisions(
    truths: Sequence[Truth],
    verified: Collection[tuple[int, int]],
    claims: Sequence[Claim],
    labels: int,
    weight: Fraction,
) -> list[Fraction | None]:
    """By label the average precision, None where nothing is there; `verified`: (image, label) that people judged."""
    evaluated = {*verified, *((truth.image, truth.label) for truth in truths)}
    averages: list[Fraction | None] = []
    for label in range(labels):
        there = [truth for truth in truths if truth.label == label]
        positives = sum((weight if truth.is_group else Fraction(1) for truth in there), Fraction(0))
        counts: list[Count] = []
        for image in sorted({claim.image for claim in claims}):
            if (image, label) in evaluated:
                own = [c for c in claims if (c.image, c.label) == (image, label) and area(c.edges) > 0]
                counts += judge_image([truth for truth in there if truth.image == image], own, weight)
        averages.append(area_below(counts, positives) if positives else None)
    return averages


def judge_image(truths: Sequence[Truth], claims: Sequence[Claim], weight: Fraction) -> list[Count]:
    """What the predictions of one label on one image count, one after the other by falling score."""
    plain, groups = ([t for t in truths if t.is_group == is_group] for is_group in (False, True))
    taken: set[int] = set()
    best_of_group: dict[int, float] = {}
    counts = []
    for claim in sorted(claims, key=lambda claim: -claim.score):
        nearest = best_place(claim, plain, over_union)
        if nearest is not None and nearest not in taken:
            taken.add(nearest)
            counts.append(Count(claim.score, Fraction(1)))
        elif (group := best_place(claim, groups, over_own)) is not None:
            best_of_group.setdefault(group, claim.score)
        else:
            counts.append(Count(claim.score, Fraction(0)))
    return counts + [Count(score, weight) for score in best_of_group.values() if weight]


def best_place(claim: Claim, truths: Sequence[Truth], measure: Measure) -> int | None:
    """The place of the first box that overlaps most, None where that is less than half."""
    measures = [measure(claim.edges, truth.edges) for truth in truths]
    return measures.index(max(measures)) if measures and max(measures) >= HALF else None


def area_below(counts: Sequence[Count], positives: Fraction) -> Fraction:
    """The area below precision, made monotone, over recall."""
    right, wrong, steps = Fraction(0), 0, []
    for count in sorted(counts, key=lambda count: -count.score):
        right, wrong = right + count.weight, wrong + (count.weight == 0)
        steps.append((right / positives, right / (right + wrong)))
    total, before = Fraction(0), Fraction(0)
    for n, (recall, _) in enumerate(steps):
        total += (recall - before) * max(precision for _, precision in steps[n:])
        before = recall
    return total


def mean_of(averages: Mapping[str, Fraction | None] | Sequence[Fraction | None]) -> Fraction:
    """The plain mean of those that are known."""
    values = averages.values() if isinstance(averages, Mapping) else averages
    known_values = [value for value in values if value is not None]
    return sum(known_values, Fraction(0)) / len(known_values)
