"""What is true of V4 and later, as CSV: labels, boxes and classes that changed from each release to the next.

`label_changes_<from>_<to>.csv`: a pair (image, MID) is `added`, `removed` or `flipped` by people's verdicts (staff's
before the app's); `leaf_most` is yes for a positive that vanished while the image has a positive descendant.
`box_changes_<from>_<to>.csv`: see box_truth; sides are XMin, XMax, YMin, YMax as written. `class_changes.csv`: classes
`added`, `retired` or `renamed`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oilake.jobs.synthetic import box_truth, ground_truth, pairs
from oilake.jobs.synthetic.box_truth import BoxSides
from oilake.jobs.synthetic.classes import SampleClasses
from oilake.jobs.synthetic.evolved_boxes import EvolvedBoxes
from oilake.jobs.synthetic.evolved_context import EvolvedContext
from oilake.jobs.synthetic.evolved_labels import Verdicts
from oilake.jobs.synthetic.evolved_slices import SliceStates
from oilake.jobs.synthetic.pairs import Pairs
from oilake.jobs.synthetic.release_rules import AFTER, SampleRules

LABELS = (*ground_truth.LABELS, "leaf_most")
BOXES = ("subset", "image_id", "mid", "change", "from_sides", "to_sides", "iou")
CLASSES = ("from_release", "to_release", "mid", "change", "from_name", "to_name")
ROUND = 9


class LabelChange(NamedTuple):
    """Pairs that changed in one way; `leaf_most` of each."""

    change: str
    pairs: Pairs
    leaf_most: np.ndarray[tuple[int], np.dtype[np.bool_]]


def release_steps(rules: SampleRules) -> list[tuple[str, str]]:
    """(before, after) of each release of the rules."""
    return [(release.follows, name) for name, release in rules.releases.items()]


def begin_truth(folder: Path, world: EvolvedContext, classes: SampleClasses) -> None:
    """The files with their headers; what is true of classes is whole."""
    for before, after in release_steps(world.rules):
        ground_truth.write_csv(folder / f"label_changes_{before}_{after}.csv", LABELS, [])
        if world.rules.releases[after].boxes:
            ground_truth.write_csv(folder / f"box_changes_{before}_{after}.csv", BOXES, [])
    ground_truth.write_csv(folder / "class_changes.csv", CLASSES, _class_rows(world, classes))


def append_truth(folder: Path, world: EvolvedContext, slice_states: SliceStates) -> None:
    """What changed in one slice."""
    mids = world.classes.mids
    for before, after in release_steps(world.rules):
        for subset, states in slice_states.states.items():
            ids = slice_states.rows[subset].names.to_pylist()
            label_rows = _label_rows(world, states[before].labels, states[after].labels)
            ground_truth.append_csv(
                folder / f"label_changes_{before}_{after}.csv",
                ((subset, ids[image], mids[code], *rest) for image, code, *rest in label_rows),
            )
            if subset in world.rules.releases[after].boxes:
                box_rows = _box_rows(states[before].boxes, states[after].boxes)
                ground_truth.append_csv(
                    folder / f"box_changes_{before}_{after}.csv",
                    ((subset, ids[image], mids[code], *rest) for image, code, *rest in box_rows),
                )


def _label_rows(world: EvolvedContext, before: Verdicts, after: Verdicts) -> list[tuple[int, int, str, str]]:
    """(image number, class, change, leaf-most), sorted by image and class."""
    rows = [
        (pair, change.change, "yes" if leaf_most else "")
        for change in _label_changes(world, before, after)
        for pair, leaf_most in zip(change.pairs.tolist(), change.leaf_most.tolist(), strict=True)
    ]
    return [
        (pair >> pairs.CLASS_BITS, pair & pairs.CLASS_MASK, change, leaf_most)
        for pair, change, leaf_most in sorted(rows)
    ]


def _label_changes(world: EvolvedContext, before: Verdicts, after: Verdicts) -> Iterator[LabelChange]:
    if before is after:
        return
    removed = before.take(~pairs.isin(before.pairs, after.pairs))
    covered = world.classes.tree.ancestor_pairs(after.pairs[after.verdict == 1])
    leaf_most = pairs.isin(removed.pairs, covered) & (removed.verdict == 1)
    yield LabelChange("removed", removed.pairs, leaf_most)
    added = pairs.without(after.pairs, before.pairs)
    yield LabelChange("added", added, np.zeros(len(added), np.bool_))
    common_before = before.take(pairs.isin(before.pairs, after.pairs))
    common_after = after.take(pairs.isin(after.pairs, before.pairs))
    flipped = common_before.pairs[common_before.verdict != common_after.verdict]
    yield LabelChange("flipped", flipped, np.zeros(len(flipped), np.bool_))


def _box_rows(before: EvolvedBoxes, after: EvolvedBoxes) -> Iterator[tuple[int, int, str, str, str, str]]:
    texts = [_side_texts(boxes) for boxes in (before, after)]
    values = [[BoxSides(*map(float, sides)) for sides in zip(*text, strict=True)] for text in texts]
    for change in box_truth.box_changes(before.pairs, values[0], after.pairs, values[1]):
        pair = int(before.pairs[change.before] if change.before is not None else after.pairs[change.after or 0])
        sides = [
            "" if row is None else " ".join(side[row] for side in text)
            for text, row in zip(texts, (change.before, change.after), strict=True)
        ]
        iou = "" if change.iou is None else f"{change.iou:.{ROUND}f}"
        yield pair >> pairs.CLASS_BITS, pair & pairs.CLASS_MASK, change.change, sides[0], sides[1], iou


def _side_texts(boxes: EvolvedBoxes) -> list[list[str]]:
    """The four sides as the shortest text of their 32-bit float, or in millionths where they are such."""
    millionths = np.round(boxes.sides, 6)
    if (np.abs(millionths - boxes.sides) < 1e-12).all():
        return [[f"{value:.6f}" for value in side] for side in millionths.tolist()]
    return [pc.cast(pa.array(side.astype(np.float32)), pa.string()).to_pylist() for side in boxes.sides]


def _class_rows(world: EvolvedContext, classes: SampleClasses) -> Iterable[tuple[str, str, str, str, str, str]]:
    """Classes that came, went or were renamed, by MID."""
    evolved = world.classes
    first = np.zeros(len(evolved.mids), np.bool_)
    first[: len(classes.mids)] = classes.listed[AFTER]
    listed = {AFTER: first, **evolved.listed}
    names = {AFTER: classes.names[AFTER], **evolved.names}
    for before, after in release_steps(world.rules):
        for code in np.argsort(evolved.place).tolist():
            old, new = (
                names[release][code] if code < len(names[release]) and listed[release][code] else None
                for release in (before, after)
            )
            if old != new:
                change = "added" if old is None else "retired" if new is None else "renamed"
                yield before, after, evolved.mids[code], change, old or "", new or ""
