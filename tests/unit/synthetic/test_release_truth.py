"""What the sample tells of changes from V3 to V7 is what a reader of its files finds."""

from __future__ import annotations

import csv
import itertools
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from oilake.jobs.transforms import box_matching
from tests.support import plain_sample as reading
from tests.support import sample_reading
from tests.support.samples import write_sample

pytestmark = pytest.mark.lengthy

STEPS = (("v3", "v4"), ("v4", "v5"), ("v5", "v6"), ("v6", "v7"))
MOST_BOXES = 7


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("sample") / "truth", "--seed", "5")


def truth(sample: Path, name: str) -> list[dict[str, str]]:
    with open(sample / "truth" / name, newline="") as file:
        return list(csv.DictReader(file))


def answers(sample: Path, release: str, subset: str) -> dict[reading.Pair, str]:
    """People's verdicts; where V3's app contradicts its staff, staff's."""
    if release != "v3":
        return reading.verdicts(sample, release, subset)
    verdicts = sample_reading.verdicts(sample, "v3", subset)
    return {pair: "yes" if max(given)[1] == "1" else "no" for pair, given in verdicts.items()}


@pytest.mark.parametrize(("before", "after"), STEPS)
def test_every_change_of_a_label_is_told(sample: Path, before: str, after: str) -> None:
    below = reading.descendants(sample)
    changes = set()
    for subset in reading.SUBSETS:
        old, new = (answers(sample, release, subset) for release in (before, after))
        positive = defaultdict(set)
        for (image, mid), answer in new.items():
            if answer == "yes":
                positive[image].add(mid)
        for pair in old.keys() | new.keys():
            if pair not in old:
                changes.add((subset, *pair, "added", ""))
            elif pair not in new:
                leaf_most = old[pair] == "yes" and bool(below.get(pair[1], set()) & positive[pair[0]])
                changes.add((subset, *pair, "removed", "yes" if leaf_most else ""))
            elif old[pair] != new[pair]:
                changes.add((subset, *pair, "flipped", ""))
    told = Counter(tuple(row.values()) for row in truth(sample, f"label_changes_{before}_{after}.csv"))
    assert told == Counter(changes)


def test_most_positives_that_vanish_in_v5s_evaluation_sets_were_made_leaf_most(sample: Path) -> None:
    rows = [row for row in truth(sample, "label_changes_v4_v5.csv") if row["subset"] != "train"]
    kinds = Counter((row["change"], row["leaf_most"]) for row in rows)
    assert kinds["removed", "yes"] > 3 * kinds["removed", ""] > 0
    assert kinds["flipped", ""] > 0


@pytest.mark.parametrize(("before", "after"), STEPS[:3])
def test_every_box_is_told_and_redrawn_ones_are_the_best_match(sample: Path, before: str, after: str) -> None:
    told: dict[tuple[str, str, str], list[dict[str, str]]] = defaultdict(list)
    for row in truth(sample, f"box_changes_{before}_{after}.csv"):
        told[row["subset"], row["image_id"], row["mid"]].append(row)
    tried = 0
    for subset in {subset for subset, _, _ in told}:
        old, new = (boxes(sample, release, subset) for release in (before, after))
        for pair in old.keys() | new.keys():
            rows = told.pop((subset, *pair))
            assert sides_of(rows, "from_sides") == sorted(old.get(pair, []))
            assert sides_of(rows, "to_sides") == sorted(new.get(pair, []))
            assert all(row["from_sides"] == row["to_sides"] for row in rows if row["change"] == "unchanged")
            tried += check_best_match(rows)
    assert told == {}
    assert tried > 0 or after == "v6"


def boxes(sample: Path, release: str, subset: str) -> dict[reading.Pair, list[reading.Box]]:
    if release != "v3":
        return reading.boxes(sample, release, subset)
    sides = defaultdict(list)
    for row in sample_reading.rows(sample, "v3", "boxes", subset):
        x_min, x_max, y_min, y_max = (float(row[name]) for name in reading.SIDES)
        sides[row["ImageID"], row["LabelName"]].append((x_min, x_max, y_min, y_max))
    return sides


def sides_of(rows: list[dict[str, str]], column: str) -> list[reading.Box]:
    return sorted(parse_sides(row[column]) for row in rows if row[column])


def parse_sides(text: str) -> reading.Box:
    x_min, x_max, y_min, y_max = map(float, text.split())
    return x_min, x_max, y_min, y_max


def check_best_match(rows: list[dict[str, str]]) -> int:
    """How many boxes before and after a best match was tried out for: 0 where there are too many."""
    changed = [row for row in rows if row["change"] != "unchanged"]
    left, right = (sides_of(changed, column) for column in ("from_sides", "to_sides"))
    assert not set(left) & set(right)
    redrawn = [row for row in changed if row["change"] == "redrawn"]
    for row in redrawn:
        overlap = reading.iou(parse_sides(row["from_sides"]), parse_sides(row["to_sides"]))
        assert float(row["iou"]) == pytest.approx(overlap, abs=1e-8)
        assert overlap >= 0.5
    if not (left and right) or max(len(left), len(right)) > MOST_BOXES:
        return 0
    assert sum(float(row["iou"]) for row in redrawn) == pytest.approx(reading.greatest_sum(left, right), abs=1e-7)
    return len(left) + len(right)


@pytest.mark.parametrize(("before", "after"), STEPS[:3])
def test_the_matching_of_box_changes_comes_to_what_is_told(sample: Path, before: str, after: str) -> None:
    told = truth(sample, f"box_changes_{before}_{after}.csv")
    for subset in {row["subset"] for row in told}:
        old, new = (boxes(sample, release, subset) for release in (before, after))
        pairs = sorted(old.keys() | new.keys())
        left, right = box_set(pairs, old), box_set(pairs, new)
        equal = box_matching.equal_pairs(left, right)
        left, right = left.take(others(left, equal.before)), right.take(others(right, equal.after))
        redrawn = box_matching.redrawn_pairs(left, right, 0.5)
        kinds = Counter(row["change"] for row in told if row["subset"] == subset)
        assert (len(equal.ious), len(redrawn.ious)) == (kinds["unchanged"], kinds["redrawn"])
        matched = {
            (*(pair[n] for pair in [pairs[left.keys[a]]] for n in (0, 1)), *left.edges[a], *right.edges[b])
            for a, b in zip(redrawn.before.tolist(), redrawn.after.tolist(), strict=True)
        }
        assert matched == {
            (row["image_id"], row["mid"], *parse_sides(row["from_sides"]), *parse_sides(row["to_sides"]))
            for row in told
            if (row["subset"], row["change"]) == (subset, "redrawn")
        }


def box_set(pairs: list[reading.Pair], sides: dict[reading.Pair, list[reading.Box]]) -> box_matching.BoxSet:
    rows = [(key, box) for key, pair in enumerate(pairs) for box in sides.get(pair, [])]
    return box_matching.BoxSet(
        np.array([key for key, _ in rows], np.int64), np.array([box for _, box in rows]).reshape(-1, 4)
    )


def others(rows: box_matching.BoxSet, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.setdiff1d(np.arange(len(rows.keys)), places)


def test_evaluation_boxes_are_drawn_anew_in_v5_and_train_boxes_stay_in_v6(sample: Path) -> None:
    kinds = {
        name: Counter(row["change"] for row in truth(sample, f"box_changes_{name}.csv"))
        for name in ("v3_v4", "v4_v5", "v5_v6")
    }
    assert kinds["v3_v4"].keys() == {"unchanged", "redrawn", "added", "removed"}
    assert kinds["v4_v5"].keys() == {"redrawn", "added", "removed"}
    assert kinds["v4_v5"]["redrawn"] > 3 * kinds["v4_v5"]["removed"]
    assert kinds["v5_v6"].keys() == {"unchanged"}


def test_every_class_that_came_went_or_was_renamed_is_told(sample: Path) -> None:
    changes = set()
    descriptions = sample_reading.member(sample, "v3", "classes", "class-descriptions.csv")
    names = {"v3": dict(sample_reading.records(descriptions, header=False))}
    names |= {release: reading.class_names(sample, release) for release in ("v4", "v5", "v6", "v7")}
    for before, after in STEPS:
        for mid in names[before].keys() | names[after].keys():
            old, new = names[before].get(mid), names[after].get(mid)
            if old != new:
                change = "added" if old is None else "retired" if new is None else "renamed"
                changes.add((before, after, mid, change, old or "", new or ""))
    rows = [tuple(row.values()) for row in truth(sample, "class_changes.csv")]
    assert Counter(rows) == Counter(changes)
    kinds = {(after, change) for _, after, _, change, _, _ in changes}
    assert {after for after, change in kinds if change == "renamed"} == {"v4", "v5", "v6", "v7"}
    assert {("v6", "retired"), ("v7", "retired"), ("v7", "added")} <= kinds


def test_v7_takes_up_mids_of_the_knowledge_graph(sample: Path) -> None:
    added = [row["mid"] for row in truth(sample, "class_changes.csv") if row["change"] == "added"]
    assert {mid[:3] for mid in added} == {"/m/", "/g/"}


def test_machine_labels_grow_and_some_confidences_change(sample: Path) -> None:
    states = {}
    for release in ("v4", "v5", "v7"):
        rows = reading.rows(sample, reading.file_of(reading.MACHINE, release, "validation"))
        states[release] = {(row["ImageID"], row["LabelName"]): row["Confidence"] for row in rows}
        assert len(states[release]) == len(rows)
    for before, after in itertools.pairwise(states.values()):
        common = before.keys() & after.keys()
        assert 0 < sum(before[pair] != after[pair] for pair in common) < len(common) / 10
        assert before.keys() - after.keys()
