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


class Relation(NamedTuple):
    """Two boxes of two labels and what connects them; `score`: of a prediction."""

    image: int
    first: int
    kind: int
    second: int
    first_edges: Edges
    second_edges: Edges
    score: float = 0.0


class RelationFigures(NamedTuple):
    """The three figures of predicted relationships, None where nothing is there."""

    boxes: Fraction | None
    recall: Fraction | None
    phrases: Fraction | None


def both_shares(left: Relation, right: Relation) -> Fraction:
    """The smaller of the overlaps of both boxes."""
    return min(over_union(left.first_edges, right.first_edges), over_union(left.second_edges, right.second_edges))


def phrase_shares(left: Relation, right: Relation) -> Fraction:
    """The overlap of the boxes around both."""
    return over_union(around(left), around(right))


def around(relation: Relation) -> Edges:
    """The box around both."""
    a, b = relation.first_edges, relation.second_edges
    return (min(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), max(a[3], b[3]))


def relation_figures(
    truths: Sequence[Relation], labels: Mapping[tuple[int, int], bool], claims: Sequence[Relation], depth: int
) -> RelationFigures:
    """`labels`: by image and label whether people say that it is there; `depth`: of the recall."""
    judged = [claim for claim in claims if is_judged(claim, truths, labels)]
    by_boxes, by_phrases = (dict(judge_relations(truths, judged, share))
                            for share in (both_shares, phrase_shares))  # fmt: skip
    early = 0
    for image in {claim.image for claim in judged}:
        own = sorted((claim for claim in judged if claim.image == image), key=lambda claim: -claim.score)
        early += sum(by_boxes[claim] for claim in own[:depth])
    means = []
    for verdicts in (by_boxes, by_phrases):
        areas = []
        for kind in {truth.kind for truth in truths}:
            counts = [
                Count(claim.score, Fraction(is_right)) for claim, is_right in verdicts.items() if claim.kind == kind
            ]
            areas.append(area_below(counts, Fraction(sum(truth.kind == kind for truth in truths))))
        means.append(mean_of(areas) if areas else None)
    return RelationFigures(means[0], Fraction(early, len(truths)) if truths else None, means[1])


def is_judged(claim: Relation, truths: Sequence[Relation], labels: Mapping[tuple[int, int], bool]) -> bool:
    """Whether both labels are annotated on the image, or one of them is denied there."""
    named = {label for truth in truths if truth.image == claim.image for label in (truth.first, truth.second)}
    says = [True if label in named else labels.get((claim.image, label)) for label in (claim.first, claim.second)]
    return None not in says or False in says


def judge_relations(
    truths: Sequence[Relation], claims: Sequence[Relation], share: Callable[[Relation, Relation], Fraction]
) -> list[tuple[Relation, bool]]:
    """Each prediction, and whether it is right."""
    taken: set[int] = set()
    verdicts = []
    for claim in sorted(claims, key=lambda claim: -claim.score):
        same = [n for n, truth in enumerate(truths) if claim[:4] == truth[:4]]
        shares = [share(claim, truths[n]) for n in same]
        best = same[shares.index(max(shares))] if shares and max(shares) >= HALF else None
        verdicts.append((claim, best is not None and best not in taken))
        taken |= {best} if best is not None else set()
    return verdicts
