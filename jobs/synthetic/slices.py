"""One slice of the image ID range: all rows of all releases in it, as text by member."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oilake.jobs.synthetic import boxes, first_validation, human, images, machine, pairs, photos, text
from oilake.jobs.synthetic.boxes import Boxes
from oilake.jobs.synthetic.classes import SampleClasses
from oilake.jobs.synthetic.context import SampleContext
from oilake.jobs.synthetic.figures import FigureTally
from oilake.jobs.synthetic.human import HumanLabels
from oilake.jobs.synthetic.pairs import Pairs
from oilake.jobs.synthetic.photos import SamplePhoto
from oilake.jobs.synthetic.plan import SUBSETS, SubsetCounts
from oilake.jobs.synthetic.release_rules import AFTER, ARCHIVES, BEFORE, FIRST

LATER = (BEFORE, AFTER)
VANISHED = "vanished"
LABELS_OF_VANISHED = 12

Lines = list[pa.StringArray]


@dataclass(frozen=True)
class SubsetRows:
    """The rows of one subset in one slice; all numbers of images count its IDs, which are sorted.

    `photos`: the originals of its first images, in the first slice.
    """

    ids: npt.NDArray[np.uint64]
    names: pa.StringArray
    details: pa.StringArray
    machine: Pairs
    labels: HumanLabels | None = None
    boxes: Boxes | None = None
    photos: tuple[SamplePhoto, ...] = ()


@dataclass
class SampleSlice:
    """The text of one slice by spool (see `archives.spool_name`), its parts by subset, and what it counts."""

    parts: dict[str, SubsetRows]
    spools: frozenset[str]
    texts: dict[str, Lines] = field(default_factory=dict)
    tally: FigureTally = field(default_factory=FigureTally)

    def put_text(self, spool: str, make_lines: Callable[[], pa.StringArray]) -> None:
        """Makes the rows of one spool, if it is written at all."""
        if spool in self.spools:
            self.texts[spool] = [make_lines()]


def make_slice(world: SampleContext, number: int) -> SampleSlice:
    """Slice `number` of the sample, the same whenever it is made."""
    ids = _draw_ids(world, number)
    parts = {subset: _subset_rows(world, number, subset, ids[subset]) for subset in SUBSETS}
    sample_slice = SampleSlice(parts, world.spools)
    if len(ids[VANISHED]):
        sample_slice.parts[VANISHED] = _vanished_rows(world, number, ids[VANISHED])
    for subset in SUBSETS:
        _write_part(world, sample_slice, subset)
    _write_first(world, number, sample_slice)
    return sample_slice


def _draw_ids(world: SampleContext, number: int) -> dict[str, npt.NDArray[np.uint64]]:
    """Different random IDs of the slice's share of the unsigned 64-bit range, by subset, each sorted."""
    rng = np.random.default_rng([world.seed, 5, number])
    low, high = ((number + n) * 2**64 // world.plan.slices for n in (0, 1))
    sizes = {subset: world.plan.part(subset, number).images for subset in SUBSETS}
    # The one image of V1's validation set that V2 left out stands in the middle.
    sizes[VANISHED] = int(number == world.plan.slices // 2)
    ids = np.empty(0, np.uint64)
    while len(ids) < sum(sizes.values()):
        more = rng.integers(low, high - 1, sum(sizes.values()) - len(ids), dtype=np.uint64, endpoint=True)
        ids = np.unique(np.concatenate([ids, more]))
    shuffled = np.split(rng.permutation(ids), np.cumsum(list(sizes.values()))[:-1])
    return {subset: np.sort(part) for subset, part in zip(sizes, shuffled, strict=True)}


def _subset_rows(world: SampleContext, number: int, subset: str, ids: npt.NDArray[np.uint64]) -> SubsetRows:
    rng = np.random.default_rng([world.seed, 6, number, SUBSETS.index(subset)])
    counts, classes = world.plan.part(subset, number), world.classes
    names = text.image_ids(ids)
    subset_photos = (
        () if number else tuple(photos.make_photos(world.seed, subset, names[: photos.COUNTS[subset]].to_pylist()))
    )
    checksums = [photo.checksums for photo in subset_photos]
    details = images.draw_details(rng, world.photos, len(ids), counts.without_thumbnail, checksums)
    required = [
        codes[number :: world.plan.slices] if subset == "train" else codes[:0] for codes in _required_classes(classes)
    ]
    machine_pairs = machine.draw_pairs(rng, world.popular["machine"], len(ids), counts.machine, required[0])
    order = rng.permutation(len(ids))
    boxed = boxes.draw_boxes(rng, counts, order, world.popular["boxes"], required[1], classes.place)
    every_label_has_boxes = subset != "train" and not world.plan.contradictions
    labels = _draw_labels(rng, world, counts, order, machine_pairs, boxed, required[2:], every_label_has_boxes)
    return SubsetRows(ids, names, details, machine.ranked(rng, machine_pairs), labels, boxed, subset_photos)


def _required_classes(classes: SampleClasses) -> tuple[Pairs, ...]:
    """The classes that must occur in train: among machine labels, boxes, kept, withdrawn and added human labels."""
    rare = classes.machine[classes.machine != machine.TOP]
    return rare, classes.boxed, classes.kept, classes.lost, classes.new


def _draw_labels(
    rng: np.random.Generator,
    world: SampleContext,
    counts: SubsetCounts,
    order: Pairs,
    machine_pairs: Pairs,
    boxed: Boxes,
    required: list[Pairs],
    every_label_has_boxes: bool,
) -> HumanLabels:
    """`every_label_has_boxes`: people are asked about no boxable class beside those that have a box in the image."""
    early = np.unique(boxed.pairs[boxed.is_early])
    late = pairs.without(np.unique(boxed.pairs), early)
    # Images labelled in V2 are those with boxes then, half of those boxed later, and some that never are.
    halfway = (counts.boxed_before + counts.boxed_after) // 2
    labelled = np.concatenate(
        [order[: counts.boxed_before], order[halfway : halfway + counts.labelled_before - counts.boxed_before]]
    )
    judged, popular = (
        machine_pairs[world.classes.with_people()[pairs.class_numbers(machine_pairs)]],
        world.popular["human"],
    )
    if every_label_has_boxes:
        judged, popular = judged[~np.isin(pairs.class_numbers(judged), world.classes.boxable)], world.popular["unboxed"]
    pool = human.PairPool(labelled, order[: counts.labelled_after], judged, popular, *required)
    return human.draw_labels(rng, counts, pool, early, late)


def _vanished_rows(world: SampleContext, number: int, ids: npt.NDArray[np.uint64]) -> SubsetRows:
    """The image that V1 has and V2 has not."""
    rng = np.random.default_rng([world.seed, 7, number])
    machine_pairs = machine.draw_pairs(
        rng, world.popular["machine"], len(ids), LABELS_OF_VANISHED, np.empty(0, np.int64)
    )
    details = images.draw_details(rng, world.photos, len(ids), 0)
    return SubsetRows(ids, text.image_ids(ids), details, machine.ranked(rng, machine_pairs))


def _write_part(world: SampleContext, sample_slice: SampleSlice, subset: str) -> None:
    part, tally = sample_slice.parts[subset], sample_slice.tally
    assert part.labels is not None
    assert part.boxes is not None
    releases = ARCHIVES if subset == "train" else LATER
    sample_slice.put_text(f"images-{subset}", lambda: images.image_lines(part.names, subset, part.details))
    tally.count(releases, "images", subset, len(part.ids))
    sample_slice.put_text(f"machine-{subset}", lambda: machine.machine_lines(part.names, part.machine, world.machine))
    tally.count(LATER, "machine_labels", subset, len(part.machine))
    tally.see(LATER, "machine", pairs.class_numbers(part.machine))
    for release, rows in _human_rows(part.labels):
        sample_slice.put_text(
            f"human-{release}-{subset}",
            partial(human.human_lines, part.names, world.classes.place, rows, world.human[release]),
        )
        tally.count((release,), "human_labels_positive", subset, int(rows[1].sum()))
        tally.count((release,), "human_labels_negative", subset, int((1 - rows[1]).sum()))
        tally.see((release,), "human", pairs.class_numbers(rows[0]))
    for release, rows_of in ((BEFORE, part.boxes.is_early), (AFTER, np.ones(len(part.boxes.is_early), np.bool_))):
        sample_slice.put_text(
            f"boxes-{release}-{subset}",
            partial(boxes.box_lines, part.names, part.boxes, world.boxes, release, subset != "train"),
        )
        boxed = part.boxes.pairs[rows_of]
        tally.count((release,), "boxes", subset, len(boxed))
        tally.count((release,), "images_with_boxes", subset, len(np.unique(pairs.image_numbers(boxed))))
        tally.see((release,), "box", pairs.class_numbers(boxed))


def _human_rows(labels: HumanLabels) -> Iterator[tuple[str, tuple[Pairs, Pairs, Pairs]]]:
    """(release, (pairs, verdicts, sources)); V2 has one source for all."""
    yield BEFORE, (labels.pairs_before, labels.verdict_before, np.zeros(len(labels.pairs_before), np.int64))
    yield AFTER, (labels.pairs_after, labels.verdict_after, labels.source_after)


def _write_first(world: SampleContext, number: int, sample_slice: SampleSlice) -> None:
    train, first_classes = sample_slice.parts["train"], world.classes.machine_first
    machine_pairs = machine.pairs_of_classes(train.machine, first_classes)
    sample_slice.put_text(
        f"machine-{FIRST}-train", lambda: machine.machine_lines(train.names, machine_pairs, world.machine)
    )
    sample_slice.tally.count((FIRST,), "machine_labels", "train", len(machine_pairs))
    sample_slice.tally.see((FIRST,), "machine", pairs.class_numbers(machine_pairs))
    rng = np.random.default_rng([world.seed, 8, number])
    rows = first_validation.validation_rows(
        rng, [part for subset, part in sample_slice.parts.items() if subset != "train"], first_classes
    )
    _write_first_validation(world, sample_slice, rows)


def _write_first_validation(
    world: SampleContext, sample_slice: SampleSlice, rows: first_validation.FirstValidationRows
) -> None:
    sample_slice.put_text(
        f"images-{FIRST}-validation", lambda: images.image_lines(rows.names, "validation", rows.details)
    )
    sample_slice.put_text(
        f"machine-{FIRST}-validation", lambda: machine.machine_lines(rows.names, rows.machine, world.machine)
    )
    sample_slice.put_text(
        f"human-{FIRST}-validation",
        lambda: human.human_lines(rows.names, world.classes.place, rows.human, world.human[FIRST]),
    )
    sample_slice.tally.count((FIRST,), "images", "validation", len(rows.names))
    sample_slice.tally.count((FIRST,), "machine_labels", "validation", len(rows.machine))
    sample_slice.tally.see((FIRST,), "machine", pairs.class_numbers(rows.machine))
    sample_slice.tally.see((FIRST,), "human", pairs.class_numbers(rows.human[0]))
    sample_slice.tally.count((FIRST,), "human_labels_positive", "validation", int(rows.human[1].sum()))
    sample_slice.tally.count((FIRST,), "human_labels_negative", "validation", int((1 - rows.human[1]).sum()))
