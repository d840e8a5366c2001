"""Which box is which: the matching beside every possible one, tried out on few boxes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oilake.jobs.transforms import box_matching
from oilake.jobs.transforms.box_matching import STEPS, BoxSet, assign_rows, best_pairs, box_ious

Box = tuple[float, float, float, float]
# Few edges, so that boxes overlap, repeat and tie.
EDGES = st.tuples(*[st.sampled_from([(0.0, 0.5), (0.0, 0.6), (0.1, 0.6), (0.0, 1.0), (0.5, 1.0), (0.2, 0.2)])] * 2)
BOXES = EDGES.map(lambda edges: (*edges[0], *edges[1]))
ANY_BOX = st.tuples(*[st.floats(0, 1)] * 4).map(lambda e: (*sorted(e[:2]), *sorted(e[2:])))


def box_set(keyed: Sequence[tuple[int, Box]]) -> BoxSet:
    ordered = sorted(keyed, key=lambda entry: entry[0])
    return BoxSet(
        np.array([key for key, _ in ordered], np.int64), np.array([box for _, box in ordered], float).reshape(-1, 4)
    )


def iou(one: Box, other: Box) -> float:
    width = min(one[1], other[1]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[2], other[2])
    common = max(width, 0) * max(height, 0)
    union = sum((box[1] - box[0]) * (box[3] - box[2]) for box in (one, other)) - common
    return common / union if union > 0 else 0.0


def every_match(before: int, after: int) -> Iterator[tuple[int | None, ...]]:
    """The partner of each earlier box in every one-to-one match, the preferred ones first."""
    partners = [*range(after), *[None] * before]
    ordered = {p: n for n, p in enumerate(range(after))}
    matches = set(permutations(partners, before))
    yield from sorted(matches, key=lambda match: [ordered.get(partner, after) for partner in match])


def expected_match(before: Sequence[Box], after: Sequence[Box], least: float) -> dict[int, int]:
    def steps(left: int, right: int) -> int:
        return round(iou(before[left], after[right]) * STEPS)

    best: tuple[int, dict[int, int]] = (-1, {})
    for match in every_match(len(before), len(after)):
        pairs = {left: right for left, right in enumerate(match) if right is not None}
        if any(steps(left, right) < round(least * STEPS) for left, right in pairs.items()):
            continue
        total = sum(steps(left, right) for left, right in pairs.items())
        if total > best[0]:
            best = (total, pairs)
    return best[1]


@given(st.lists(BOXES, max_size=4), st.lists(BOXES, max_size=4), st.sampled_from([0.3, 0.5, 0.9]))
def test_redrawn_boxes_are_the_best_of_every_possible_match(before: list[Box], after: list[Box], least: float):
    pairs = box_matching.redrawn_pairs(
        box_set([(7, box) for box in before]), box_set([(7, box) for box in after]), least
    )
    assert dict(zip(pairs.before.tolist(), pairs.after.tolist(), strict=True)) == expected_match(before, after, least)
    expected = [iou(before[left], after[right]) for left, right in zip(pairs.before, pairs.after, strict=True)]
    assert pairs.ious.tolist() == pytest.approx(expected)


@pytest.mark.lengthy
@given(st.lists(st.tuples(st.integers(0, 3), BOXES), max_size=12), st.lists(st.tuples(st.integers(0, 3), BOXES)))
def test_boxes_meet_within_their_image_and_class_alone(before: list[tuple[int, Box]], after: list[tuple[int, Box]]):
    old, new = box_set(before), box_set(after[:12])
    pairs = box_matching.redrawn_pairs(old, new, 0.5)
    for key in range(4):
        of_key = [(left, right) for left, right in zip(pairs.before, pairs.after, strict=True) if old.keys[left] == key]
        assert all(new.keys[right] == key for _, right in of_key)
        left, right = np.flatnonzero(old.keys == key), np.flatnonzero(new.keys == key)
        alone = box_matching.redrawn_pairs(old.take(left), new.take(right), 0.5)
        assert list(zip(left[alone.before], right[alone.after], strict=True)) == of_key


@pytest.mark.lengthy
@given(st.lists(st.tuples(st.integers(0, 2), BOXES)), st.lists(st.tuples(st.integers(0, 2), BOXES)))
def test_equal_boxes_meet_as_often_as_both_have_them(before: list[tuple[int, Box]], after: list[tuple[int, Box]]):
    old, new = box_set(before), box_set(after)
    pairs = box_matching.equal_pairs(old, new)
    assert pairs.before.tolist() == sorted(set(pairs.before.tolist()))
    assert len(set(pairs.after.tolist())) == len(pairs.after)
    assert (old.keys[pairs.before] == new.keys[pairs.after]).all()
    assert (old.edges[pairs.before] == new.edges[pairs.after]).all()
    expected = Counter(before) & Counter(after)
    assert len(pairs.before) == expected.total()
    for entry, count in expected.items():
        places = [
            [n for n, other in enumerate(zip(*rows, strict=True)) if same(other, entry)] for rows in sides(old, new)
        ]
        met = [(left, right) for left, right in zip(pairs.before, pairs.after, strict=True) if left in places[0]]
        assert met == list(zip(*(side[:count] for side in places), strict=True))


def sides(*releases: BoxSet) -> list[tuple[list[int], list[list[float]]]]:
    return [(release.keys.tolist(), release.edges.tolist()) for release in releases]


def same(row: tuple[int, list[float]], entry: tuple[int, Box]) -> bool:
    return row[0] == entry[0] and tuple(row[1]) == entry[1]


@pytest.mark.lengthy
@given(st.lists(st.tuples(ANY_BOX, ANY_BOX), min_size=1))
def test_overlaps_are_shares_of_the_union(pairs: list[tuple[Box, Box]]):
    found = box_ious(np.array([one for one, _ in pairs]), np.array([other for _, other in pairs]))
    assert found.tolist() == pytest.approx([iou(*pair) for pair in pairs])
    assert ((found >= 0) & (found <= 1 + 1e-9)).all()


def test_an_overlap_of_exactly_the_threshold_is_enough_however_it_is_rounded():
    before, after = [(0.1, 0.3, 0.1, 0.4)], [(0.1, 0.2, 0.1, 0.4)]
    pairs = box_matching.redrawn_pairs(box_set([(0, before[0])]), box_set([(0, after[0])]), 0.5)
    assert pairs.ious.tolist() == pytest.approx([0.5])
    assert not len(box_matching.redrawn_pairs(box_set([(0, before[0])]), box_set([(0, after[0])]), 0.5001).ious)


def test_the_sum_counts_and_not_the_best_single_pair():
    scores = {(0, 0): 90, (0, 1): 80, (1, 0): 80}
    assert best_pairs(scores) == [(0, 1), (1, 0)]
    assert best_pairs({(0, 0): 160, (0, 1): 80, (1, 0): 80}) == [(0, 0)]


def test_ties_go_by_the_published_order():
    assert best_pairs({(left, right): 5 for left in (4, 9) for right in (3, 8)}) == [(4, 3), (9, 8)]
    assert best_pairs({(4, 8): 5, (9, 8): 5}) == [(4, 8)]
    assert best_pairs({(4, 3): 5, (4, 8): 5, (9, 3): 5}) == [(4, 8), (9, 3)]


@pytest.mark.lengthy
@given(
    st.integers(1, 6).flatmap(
        lambda n: st.lists(st.lists(st.integers(0, 9), min_size=n, max_size=n), min_size=n, max_size=n)
    )
)
def test_rows_are_assigned_at_the_least_cost(costs: list[list[int]]):
    columns = assign_rows(costs)
    assert sorted(columns) == list(range(len(costs)))
    least = min(sum(row[n] for row, n in zip(costs, order, strict=True)) for order in permutations(range(len(costs))))
    assert sum(row[n] for row, n in zip(costs, columns, strict=True)) == least


def test_a_crowd_is_looked_at_in_pieces(monkeypatch: pytest.MonkeyPatch):
    random = np.random.default_rng(5)
    starts = random.random((60, 2)) * 0.2
    old = BoxSet(
        np.zeros(60, np.int64), np.column_stack([starts[:, 0], starts[:, 0] + 0.3, starts[:, 1], starts[:, 1] + 0.3])
    )
    new = BoxSet(old.keys, old.edges + random.random((60, 4)) * 0.02)
    whole = box_matching.redrawn_pairs(old, new, 0.5)
    monkeypatch.setattr(box_matching, "PAIRS_AT_ONCE", 7)
    pieces = box_matching.redrawn_pairs(old, new, 0.5)
    assert len(whole.before) == 60
    assert whole.before.tolist() == pieces.before.tolist()
    assert whole.after.tolist() == pieces.after.tolist()
