"""One slice of the image ID range: all rows of all releases in it, as text by member."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oilake.conf.registry import SUBSETS
from oilake.jobs.synthetic import boxes, human, images, machine, pairs, photo_scenes, photos, slice_texts, text
from oilake.jobs.synthetic.boxes import Boxes
from oilake.jobs.synthetic.classes import SampleClasses
from oilake.jobs.synthetic.context import SampleContext
from oilake.jobs.synthetic.human import HumanLabels
from oilake.jobs.synthetic.pairs import Pairs
from oilake.jobs.synthetic.plan import SubsetCounts
from oilake.jobs.synthetic.slice_rows import VANISHED, SampleSlice, SubsetRows

LABELS_OF_VANISHED = 12


def make_slice(world: SampleContext, number: int) -> SampleSlice:
    """Slice `number` of the sample, the same whenever it is made."""
    ids = _draw_ids(world, number)
    parts = {subset: _subset_rows(world, number, subset, ids[subset]) for subset in SUBSETS}
    sample_slice = SampleSlice(parts, world.spools)
    if len(ids[VANISHED]):
        sample_slice.parts[VANISHED] = _vanished_rows(world, number, ids[VANISHED])
    for subset in SUBSETS:
        slice_texts.write_subset(world, sample_slice, subset)
    slice_texts.write_first(world, number, sample_slice)
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
    details = images.draw_details(rng, world.photos, len(ids), counts.without_thumbnail)
    required = [
        codes[number :: world.plan.slices] if subset == "train" else codes[:0] for codes in _required_classes(classes)
    ]
    machine_pairs = machine.draw_pairs(rng, world.popular["machine"], len(ids), counts.machine, required[0])
    order = rng.permutation(len(ids))
    boxed = boxes.draw_boxes(rng, counts, order, world.popular["boxes"], required[1], classes.place)
    every_label_has_boxes = subset != "train" and not world.plan.contradictions
    labels = _draw_labels(rng, world, counts, order, machine_pairs, boxed, required[2:], every_label_has_boxes)
    ranked = machine.ranked(rng, machine_pairs)
    photographed = () if number else tuple(names[: photos.COUNTS[subset]].to_pylist())
    objects = photo_scenes.objects_by_image(boxed, len(photographed))
    subset_photos = tuple(photos.make_photos(world.seed, photographed, objects))
    lines = details.joined_lines([photo.checksums for photo in subset_photos])
    return SubsetRows(ids, names, lines, ranked, labels, boxed, subset_photos)


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
    details = images.draw_details(rng, world.photos, len(ids), 0).joined_lines()
    return SubsetRows(ids, text.image_ids(ids), details, machine.ranked(rng, machine_pairs))
