"""One slice of the image ID range: all rows of all releases in it, as text by member."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oilake.jobs.synthetic import boxes, human, images, machine, pairs, photos, text, validation_v1
from oilake.jobs.synthetic.boxes import Boxes
from oilake.jobs.synthetic.classes import Classes
from oilake.jobs.synthetic.context import World
from oilake.jobs.synthetic.figures import Tally
from oilake.jobs.synthetic.human import Labels
from oilake.jobs.synthetic.pairs import Pairs
from oilake.jobs.synthetic.photos import Photo
from oilake.jobs.synthetic.plan import SUBSETS, Counts

ALL, LATER = ("v1", "v2", "v3"), ("v2", "v3")
VANISHED = "vanished"
LABELS_OF_VANISHED = 12

Lines = list[pa.StringArray]


@dataclass(frozen=True)
class Part:
    """The rows of one subset in one slice; all numbers of images count its IDs, which are sorted.

    `photos`: the originals of its first images, in the first slice.
    """

    ids: npt.NDArray[np.uint64]
    names: pa.StringArray
    details: pa.StringArray
    machine: Pairs
    labels: Labels | None = None
    boxes: Boxes | None = None
    photos: tuple[Photo, ...] = ()


@dataclass
class Slice:
    """The text of one slice by spool (see `archives.spool_name`), its parts by subset, and what it counts."""

    parts: dict[str, Part]
    texts: dict[str, Lines] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)


def make(world: World, number: int) -> Slice:
    """Slice `number` of the sample, the same whenever it is made."""
    ids = _ids(world, number)
    found = Slice({subset: _part(world, number, subset, ids[subset]) for subset in SUBSETS})
    if len(ids[VANISHED]):
        found.parts[VANISHED] = _vanished(world, number, ids[VANISHED])
    for subset in SUBSETS:
        _write_part(world, found, subset)
    _write_v1(world, number, found)
    return found


def _ids(world: World, number: int) -> dict[str, npt.NDArray[np.uint64]]:
    """Different random IDs of the slice's share of the unsigned 64-bit range, by subset, each sorted."""
    rng = np.random.default_rng([world.seed, 5, number])
    low, high = ((number + n) * 2**64 // world.plan.slices for n in (0, 1))
    sizes = {subset: world.plan.part(subset, number).images for subset in SUBSETS}
    # The one image of V1's validation set that V2 left out stands in the middle.
    sizes[VANISHED] = int(number == world.plan.slices // 2)
    found = np.empty(0, np.uint64)
    while len(found) < sum(sizes.values()):
        more = rng.integers(low, high - 1, sum(sizes.values()) - len(found), dtype=np.uint64, endpoint=True)
        found = np.unique(np.concatenate([found, more]))
    dealt = np.split(rng.permutation(found), np.cumsum(list(sizes.values()))[:-1])
    return {subset: np.sort(part) for subset, part in zip(sizes, dealt, strict=True)}


def _part(world: World, number: int, subset: str, ids: npt.NDArray[np.uint64]) -> Part:
    rng = np.random.default_rng([world.seed, 6, number, SUBSETS.index(subset)])
    counts, classes = world.plan.part(subset, number), world.classes
    names = text.image_ids(ids)
    made = () if number else tuple(photos.make(world.seed, subset, names[: photos.COUNTS[subset]].to_pylist()))
    known = [photo.checksums for photo in made]
    details = images.details(rng, world.photos, len(ids), counts.without_thumbnail, known)
    required = [codes[number :: world.plan.slices] if subset == "train" else codes[:0] for codes in _required(classes)]
    said = machine.draw(rng, world.popular["machine"], len(ids), counts.machine, required[0])
    order = rng.permutation(len(ids))
    boxed = boxes.draw(rng, counts, order, world.popular["boxes"], required[1], classes.place)
    every_label_has_boxes = subset != "train" and not world.plan.contradictions
    labels = _labels(rng, world, counts, order, said, boxed, required[2:], every_label_has_boxes)
    return Part(ids, names, details, machine.ranked(rng, said), labels, boxed, made)


def _required(classes: Classes) -> tuple[Pairs, ...]:
    """The classes that must occur in train: among machine labels, boxes, kept, withdrawn and added human labels."""
    rare = classes.machine[classes.machine != machine.TOP]
    return rare, classes.boxed, classes.kept, classes.lost, classes.new


def _labels(
    rng: np.random.Generator,
    world: World,
    counts: Counts,
    order: Pairs,
    said: Pairs,
    boxed: Boxes,
    required: list[Pairs],
    every_label_has_boxes: bool,
) -> Labels:
    """`every_label_has_boxes`: people are asked about no boxable class beside those that have a box in the image."""
    early = np.unique(boxed.pairs[boxed.in_v2])
    late = pairs.without(np.unique(boxed.pairs), early)
    # Images labelled in V2 are those with boxes then, half of those boxed later, and some that never are.
    halfway = (counts.boxed_v2 + counts.boxed_v3) // 2
    labelled = np.concatenate(
        [order[: counts.boxed_v2], order[halfway : halfway + counts.labelled_v2 - counts.boxed_v2]]
    )
    judged, popular = said[world.classes.with_people()[pairs.classes(said)]], world.popular["human"]
    if every_label_has_boxes:
        judged, popular = judged[~np.isin(pairs.classes(judged), world.classes.boxable)], world.popular["unboxed"]
    pool = human.Pool(labelled, order[: counts.labelled_v3], judged, popular, *required)
    return human.draw(rng, counts, pool, early, late)


def _vanished(world: World, number: int, ids: npt.NDArray[np.uint64]) -> Part:
    """The image that V1 has and V2 has not."""
    rng = np.random.default_rng([world.seed, 7, number])
    said = machine.draw(rng, world.popular["machine"], len(ids), LABELS_OF_VANISHED, np.empty(0, np.int64))
    details = images.details(rng, world.photos, len(ids), 0)
    return Part(ids, text.image_ids(ids), details, machine.ranked(rng, said))


def _write_part(world: World, found: Slice, subset: str) -> None:
    part, tally = found.parts[subset], found.tally
    assert part.labels is not None
    assert part.boxes is not None
    releases = ALL if subset == "train" else LATER
    found.texts[f"images-{subset}"] = [images.lines(part.names, subset, part.details)]
    tally.count(releases, "images", subset, len(part.ids))
    found.texts[f"machine-{subset}"] = [machine.lines(part.names, part.machine, world.machine)]
    tally.count(LATER, "machine_labels", subset, len(part.machine))
    tally.see(LATER, "machine", pairs.classes(part.machine))
    for release, rows in _human_rows(part.labels):
        found.texts[f"human-{release}-{subset}"] = [
            human.lines(part.names, world.classes.place, rows, world.human[release])
        ]
        tally.count((release,), "human_labels_positive", subset, int(rows[1].sum()))
        tally.count((release,), "human_labels_negative", subset, int((1 - rows[1]).sum()))
        tally.see((release,), "human", pairs.classes(rows[0]))
    for release, rows_of in (("v2", part.boxes.in_v2), ("v3", np.ones(len(part.boxes.in_v2), np.bool_))):
        lines = boxes.lines(part.names, part.boxes, world.boxes, release, subset != "train")
        found.texts[f"boxes-{release}-{subset}"] = [lines]
        boxed = part.boxes.pairs[rows_of]
        tally.count((release,), "boxes", subset, len(boxed))
        tally.count((release,), "images_with_boxes", subset, len(np.unique(pairs.images(boxed))))
        tally.see((release,), "box", pairs.classes(boxed))


def _human_rows(labels: Labels) -> Iterator[tuple[str, tuple[Pairs, Pairs, Pairs]]]:
    """(release, (pairs, verdicts, sources)); V2 has one source for all."""
    yield "v2", (labels.pairs_v2, labels.verdict_v2, np.zeros(len(labels.pairs_v2), np.int64))
    yield "v3", (labels.pairs_v3, labels.verdict_v3, labels.source_v3)


def _write_v1(world: World, number: int, found: Slice) -> None:
    train, known = found.parts["train"], world.classes.machine_v1
    said = machine.within(train.machine, known)
    same = len(said) == len(train.machine)
    found.texts["machine-v1-train"] = (
        found.texts["machine-train"] if same else [machine.lines(train.names, said, world.machine)]
    )
    found.tally.count(("v1",), "machine_labels", "train", len(said))
    found.tally.see(("v1",), "machine", pairs.classes(said))
    rng = np.random.default_rng([world.seed, 8, number])
    rows = validation_v1.rows(rng, [part for subset, part in found.parts.items() if subset != "train"], known)
    _write_v1_validation(world, found, rows)


def _write_v1_validation(world: World, found: Slice, rows: validation_v1.Rows) -> None:
    found.texts["images-v1-validation"] = [images.lines(rows.names, "validation", rows.details)]
    found.texts["machine-v1-validation"] = [machine.lines(rows.names, rows.machine, world.machine)]
    found.texts["human-v1-validation"] = [human.lines(rows.names, world.classes.place, rows.human, world.human["v1"])]
    found.tally.count(("v1",), "images", "validation", len(rows.names))
    found.tally.count(("v1",), "machine_labels", "validation", len(rows.machine))
    found.tally.see(("v1",), "machine", pairs.classes(rows.machine))
    found.tally.see(("v1",), "human", pairs.classes(rows.human[0]))
    found.tally.count(("v1",), "human_labels_positive", "validation", int(rows.human[1].sum()))
    found.tally.count(("v1",), "human_labels_negative", "validation", int((1 - rows.human[1]).sum()))
