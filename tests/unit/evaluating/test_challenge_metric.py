"""The kernels give the published numbers of the worked examples, and what the rules give when they are read one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oilake.jobs.evaluating.box_evaluation import PREDICTION_SCHEMA, ClassEvaluation, count_bucket, join_parts
from oilake.jobs.evaluating.evaluated_classes import EvaluatedClasses, build_classes
from oilake.jobs.evaluating.label_expansion import expand_truth
from oilake.jobs.evaluating.prediction_file import EDGES
from oilake.jobs.evaluating.published_truth import BOX_SCHEMA, LABEL_SCHEMA
from oilake.jobs.evaluating.truth_matching import TruthMarks, count_marks
from oilake.jobs.transforms import box_matching
from tests.support.slow_metric import Claim, Truth, average_precisions, mean_of

CAT, DOG, ELEPHANT = range(3)
ALL = {(1, label) for label in (CAT, DOG, ELEPHANT)}


def square(low: int, high: int, far: int | None = None) -> tuple[int, int, int, int]:
    """A box from (low, low) to (high, high), or wider."""
    return (low, far or high, low, high)


TRUTHS_A = [
    Truth(1, CAT, square(0, 1)),
    Truth(1, ELEPHANT, square(0, 2)),
    Truth(1, CAT, square(0, 3), True),
    Truth(2, CAT, square(10, 11)),
    Truth(2, CAT, square(500, 510)),
    Truth(2, ELEPHANT, square(10, 12), True),
    Truth(3, DOG, square(0, 1)),
]
CLAIMS_A = [
    Claim(1, DOG, square(10, 11), 0.7),
    Claim(1, DOG, square(100, 120), 0.8),
    Claim(2, CAT, square(10, 11), 0.7),
    Claim(2, CAT, square(100, 120), 0.8),
    Claim(2, DOG, (100, 220, 100, 100 + 20), 0.5),  # nobody judged dogs there: it is dropped
    Claim(2, ELEPHANT, square(10, 11), 0.9),  # half of it lies in the group
    Claim(3, DOG, square(0, 1), 0.5),
]
TRUTHS_B = [
    Truth(1, CAT, square(0, 1)),
    Truth(1, ELEPHANT, square(0, 2)),
    Truth(1, CAT, square(0, 3)),
    Truth(2, CAT, square(10, 11)),
    Truth(2, CAT, square(500, 510), True),
    Truth(2, ELEPHANT, square(10, 12)),
    Truth(3, DOG, square(0, 1)),
]
CLAIMS_B = [
    Claim(2, CAT, square(10, 11), 0.7),
    Claim(2, CAT, square(100, 120), 0.8),
    Claim(2, ELEPHANT, square(100, 120, 220), 0.9),
]


def flat_classes(count: int) -> EvaluatedClasses:
    """Classes of which none follows from another, numbered as their MIDs sort."""
    return build_classes({f"/m/{n}": None for n in range(count)}, [])


def evaluate(
    truths: Sequence[Truth], verified: Collection[tuple[int, int]], claims: Sequence[Claim], labels: int, weight: float
) -> ClassEvaluation:
    """The same as an evaluation of files and tables, of rows in memory."""
    boxes = [{"image": t.image, "code": t.label, "is_group_of": t.is_group, **named(t.edges)} for t in truths]
    said = [{"image": image, "code": label, "is_positive": False} for image, label in verified]
    rows = [
        {"image": c.image, "code": c.label, "score": c.score, "row": n, **named(c.edges)} for n, c in enumerate(claims)
    ]
    tables = [pa.Table.from_pylist(boxes, BOX_SCHEMA), pa.Table.from_pylist(said, LABEL_SCHEMA)]
    expanded = expand_truth(*(table.combine_chunks() for table in tables), flat_classes(labels))
    marks = TruthMarks(expanded.keys, expanded.is_group_of, np.zeros(len(expanded.keys), np.bool_))
    fates = Counter[str]()
    counted = count_bucket(pa.Table.from_pylist(rows, PREDICTION_SCHEMA), expanded, marks, weight, fates)
    assert sum(fates.values()) == len(claims)
    return join_parts([counted], count_marks(marks, expanded.codes, labels, weight), fates)


def named(edges: tuple[int, int, int, int]) -> dict[str, float]:
    return dict(zip(EDGES, map(float, edges), strict=True))


def fractions_of(evaluation: ClassEvaluation) -> list[Fraction | None]:
    """The averages as the fractions that they stand for; None where there is no ground truth."""
    return [None if np.isnan(x) else Fraction(x).limit_denominator(10**6) for x in evaluation.averages.tolist()]


@pytest.mark.parametrize(
    ("weight", "cat", "dog", "elephant", "mean"),
    [
        (0.5, Fraction(1, 7), Fraction(1, 3), Fraction(1, 3), Fraction(17, 63)),
        (1.0, Fraction(1, 8), Fraction(1, 3), Fraction(1, 2), Fraction(23, 72)),
        (0.0, Fraction(1, 6), Fraction(1, 3), Fraction(0), Fraction(1, 6)),
    ],
)
def test_example_a(weight: float, cat: Fraction, dog: Fraction, elephant: Fraction, mean: Fraction) -> None:
    averages = fractions_of(evaluate(TRUTHS_A, ALL, CLAIMS_A, 3, weight))
    assert averages == [cat, dog, elephant]
    assert mean_of(averages) == mean
    assert average_precisions(TRUTHS_A, ALL, CLAIMS_A, 3, Fraction(weight)) == averages


def test_example_b() -> None:
    """No labels: what a box names is verified, so all detections of image 2 count."""
    averages = fractions_of(evaluate(TRUTHS_B, [], CLAIMS_B, 3, 0.0))
    assert averages == [Fraction(1, 6), 0, 0]
    assert mean_of(averages) == Fraction(1, 18)


def test_example_d() -> None:
    """A hierarchy in which d stands below c, and below f twice; the root, though it is listed, is nobody's ancestor."""
    tree = [("a", "a"), ("ab", "b"), ("ac", "c"), ("acd", "d"), ("ace", "e"), ("acf", "f"), ("acfd", "d")]
    tree += [("af", "f"), ("afd", "d")]
    nodes = [
        {"path": path, "parent_path": path[:-1] or None, "mid": mid, "relation": mid and "subcategory", "depth": n}
        for path, mid in tree
        for n in [len(path) - 1]
    ]
    classes = build_classes(dict.fromkeys("abcdef"), nodes)
    _, b, c, d, e, f = range(6)
    boxes = [{"image": 5, "code": code, "is_group_of": code == d, **named((0, 1, 0, 1))} for code in (b, d)]
    labels = [(6, b, False), (6, c, False), (7, d, True)]
    said = [{"image": image, "code": code, "is_positive": is_yes} for image, code, is_yes in labels]
    tables = [pa.Table.from_pylist(boxes, BOX_SCHEMA), pa.Table.from_pylist(said, LABEL_SCHEMA)]
    truth = expand_truth(*(table.combine_chunks() for table in tables), classes)
    assert truth.codes.tolist() == [b, c, d, f]
    assert truth.is_group_of.tolist() == [False, True, True, True]
    by_image = {int(image): {int(k) % 6 for k in truth.verified if k // 6 == n} for n, image in enumerate(truth.images)}
    assert by_image == {5: {b, c, d, f}, 6: {b, c, d, e, f}, 7: {c, d, f}}


LABELS, IMAGES = st.integers(0, 1), st.integers(1, 2)
SIDES = st.tuples(st.integers(0, 3), st.integers(1, 3))
BOXES = st.tuples(SIDES, SIDES).map(lambda sides: (*_ends(sides[0]), *_ends(sides[1])))
SCORES = st.sampled_from([0.1, 0.25, 0.5, 0.75, 0.9])


def _ends(side: tuple[int, int]) -> tuple[int, int]:
    return side[0], sum(side)


@pytest.mark.lengthy
@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.builds(Truth, IMAGES, LABELS, BOXES, st.booleans()), max_size=8),
    st.sets(st.tuples(IMAGES, LABELS)),
    st.lists(st.builds(Claim, IMAGES, LABELS, BOXES, SCORES), max_size=10, unique_by=lambda claim: claim.score),
    st.sampled_from([0.0, 0.5, 1.0]),
    st.sampled_from([1, 1 << 20]),
)
def test_any_predictions_are_judged_as_the_rules_say(
    truths: list[Truth], verified: set[tuple[int, int]], claims: list[Claim], weight: float, at_once: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(box_matching, "PAIRS_AT_ONCE", at_once)
        averages = fractions_of(evaluate(truths, verified, claims, 2, weight))
    assert averages == average_precisions(truths, verified, claims, 2, Fraction(weight))


def test_equal_scores_keep_the_order_of_the_file() -> None:
    """Two detections of one box with one score: the first is right; a wrong one before it costs precision."""
    truths = [Truth(1, 0, (0, 4, 0, 4))]
    right, wrong = Claim(1, 0, (0, 4, 0, 4), 0.5), Claim(1, 0, (8, 9, 8, 9), 0.5)
    assert fractions_of(evaluate(truths, [], [right, wrong], 1, 1.0)) == [1]
    assert fractions_of(evaluate(truths, [], [wrong, right], 1, 1.0)) == [Fraction(1, 2)]


def test_of_equal_detections_of_one_box_the_first_in_the_file_is_right() -> None:
    claim = Claim(1, 0, (0, 4, 0, 4), 0.5)
    assert fractions_of(evaluate([Truth(1, 0, claim.edges)], [], [claim, claim], 1, 1.0)) == [1]


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_what_is_right_is_not_of_a_group(weight: float) -> None:
    """A box inside of a group is found; the group itself by nobody."""
    truths = [Truth(1, 0, (0, 4, 0, 4)), Truth(1, 0, (0, 9, 0, 9), True)]
    averages = fractions_of(evaluate(truths, [], [Claim(1, 0, (0, 4, 0, 4), 0.5)], 1, weight))
    assert averages == [1 / (1 + Fraction(weight))]


def test_half_of_the_union_is_enough_and_a_box_is_taken_once() -> None:
    truths = [Truth(1, 0, (0, 4, 0, 2))]
    half = Claim(1, 0, (0, 4, 0, 1), 0.9)
    evaluation = evaluate(truths, [], [half, half._replace(score=0.8)], 1, 1.0)
    assert (fractions_of(evaluation), evaluation.right.tolist(), evaluation.counted.tolist()) == ([1], [1], [2])
