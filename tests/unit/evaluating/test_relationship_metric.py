"""Predicted relationships are judged as the rules say when they are read one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oilake.jobs.evaluating import relationship_matching
from oilake.jobs.evaluating.relationship_evaluation import join_relationships
from oilake.jobs.evaluating.relationship_matching import RelatedBoxes, VerifiedClasses, count_relationships
from tests.support.slow_metric import Relation, RelationFigures, relation_figures

KINDS = 2
SIDES = st.tuples(st.integers(0, 2), st.integers(1, 3))
BOXES = st.tuples(SIDES, SIDES).map(lambda s: (s[0][0], sum(s[0]), s[1][0], sum(s[1])))
SMALL = st.integers(0, 1)
RELATIONS = st.builds(Relation, SMALL, SMALL, SMALL, SMALL, BOXES, BOXES, st.floats(0.1, 1.0))


def related(relations: Sequence[Relation]) -> RelatedBoxes:
    """The relations as arrays."""
    columns = np.array([relation[:4] for relation in relations], np.int64).reshape(-1, 4)
    edges = np.array([(*r.first_edges, *r.second_edges) for r in relations], np.float64).reshape(-1, 8)
    triples = columns[:, 1] * 100 + columns[:, 2] * 10 + columns[:, 3]
    return RelatedBoxes(columns[:, 0], triples, columns[:, 2], columns[:, [1, 3]], edges)


def figures(
    truths: Sequence[Relation], labels: Mapping[tuple[int, int], bool], claims: Sequence[Relation]
) -> RelationFigures:
    """The figures of the kernels as the fractions that they stand for."""
    keys = np.array(list(labels), np.int64).reshape(-1, 2)
    verified = VerifiedClasses(keys[:, 0], keys[:, 1], np.array(list(labels.values()), np.bool_))
    scores = np.array([claim.score for claim in claims], np.float64)
    counted = count_relationships(related(claims), scores, np.arange(len(claims)), related(truths), verified)
    there = np.bincount(related(truths).types, minlength=KINDS).astype(np.float64)
    values = join_relationships(["holds", "on"], [counted], there, Counter()).figures()
    return RelationFigures(*(None if np.isnan(v) else Fraction(v).limit_denominator(10**6) for v in values))


@pytest.mark.lengthy
@settings(max_examples=150, deadline=None)
@given(
    st.lists(RELATIONS, max_size=5),
    st.dictionaries(st.tuples(SMALL, SMALL), st.booleans()),
    st.lists(RELATIONS, max_size=7, unique_by=lambda claim: claim.score),
)
def test_any_relationships_are_judged_as_the_rules_say(
    truths: list[Relation], labels: dict[tuple[int, int], bool], claims: list[Relation]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(relationship_matching, "RECALL_DEPTH", 2)
        assert figures(truths, labels, claims) == relation_figures(truths, labels, claims, 2)


def test_two_boxes_are_right_only_together() -> None:
    """The second box is elsewhere, so the relationship is wrong; the box around both is nearly the same, so the phrase is
    right."""
    truth = Relation(0, 0, 0, 1, (0, 10, 0, 10), (2, 4, 2, 4))
    claim = truth._replace(second_edges=(6, 8, 6, 8), score=0.5)
    assert figures([truth], {}, [claim]) == (0, 0, 1)


def test_a_class_that_nobody_annotated_is_ignored_and_a_denied_one_is_wrong() -> None:
    truth = Relation(0, 0, 0, 0, (0, 10, 0, 10), (2, 4, 2, 4), 0.5)
    other = truth._replace(second=1, score=0.9)
    assert figures([truth], {}, [other, truth]) == (1, 1, 1)
    assert figures([truth], {(0, 1): False}, [other, truth]) == (Fraction(1, 2), 1, Fraction(1, 2))
    strange = other._replace(first=5)
    assert figures([truth], {(0, 1): True}, [strange, truth]) == (1, 1, 1)
    assert figures([truth], {(0, 1): False}, [strange, truth]) == (Fraction(1, 2), 1, Fraction(1, 2))
    assert figures([truth], {(0, 1): True}, [other, truth]) == (Fraction(1, 2), 1, Fraction(1, 2))
