"""The states of one subset in one slice, release by release: what V4 and later make of V3's labels and boxes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oilake.conf.registry import SUBSETS
from oilake.jobs.synthetic import evolved_boxes, evolved_labels, pairs, zipf
from oilake.jobs.synthetic.evolved_boxes import EvolvedBoxes
from oilake.jobs.synthetic.evolved_context import EvolvedContext
from oilake.jobs.synthetic.evolved_labels import LabelSupply, Verdicts
from oilake.jobs.synthetic.pairs import Pairs
from oilake.jobs.synthetic.release_rules import AFTER
from oilake.jobs.synthetic.slice_rows import SubsetRows

STATES, LABELLED = 1, 2


@dataclass(frozen=True)
class SubsetState:
    """What one release holds of one subset in one slice; `labelled`: images that people judge, `boxable`: with boxes."""

    labels: Verdicts
    machine: Pairs
    boxes: EvolvedBoxes
    labelled: Pairs
    boxable: Pairs


def subset_states(world: EvolvedContext, number: int, subset: str, rows: SubsetRows) -> dict[str, SubsetState]:
    """The state by release, from V3 to the last of the rules."""
    assert rows.labels is not None
    assert rows.boxes is not None
    labels, boxes = evolved_labels.first_verdicts(rows.labels), evolved_boxes.first_boxes(rows.boxes)
    judged = np.unique(pairs.image_numbers(labels.pairs))
    states = {AFTER: SubsetState(labels, rows.machine, boxes, judged, np.unique(pairs.image_numbers(boxes.pairs)))}
    # Each release judges the images of the one before and some more, in one order for all.
    unjudged = np.setdiff1d(np.arange(len(rows.ids)), judged)
    order = np.concatenate(
        [judged, world.random_generator(LABELLED, number, SUBSETS.index(subset)).permutation(unjudged)]
    )
    for name, release in world.rules.releases.items():
        whole = subset != "train"
        labelled = np.sort(order if whole else order[: max(len(judged), round(release.labelled * len(order)))])
        states[name] = _next_state(world, number, subset, name, states[release.follows], labelled)
    return states


def _next_state(
    world: EvolvedContext, number: int, subset: str, name: str, before: SubsetState, labelled: Pairs
) -> SubsetState:
    release, parts = world.rules.releases[name], (SUBSETS.index(subset), list(world.rules.releases).index(name))
    rng = world.random_generator(STATES, number, *parts)
    box_rules = release.boxes.get(subset)
    pairs_added = np.empty(0, np.int64)
    if box_rules and box_rules.added_pairs:
        pairs_added = _new_box_pairs(rng, world, number, name, before, labelled)
    labels, boxes, machine_labels = before.labels, before.boxes, before.machine
    if subset in release.labels:
        # Where boxes are drawn anew, they follow the labels; elsewhere boxed pairs stay positive.
        boxed = np.union1d(boxes.pairs, pairs_added) if not (box_rules and box_rules.redrawn) else pairs_added
        labels = _next_labels(rng, world, number, subset, name, labels, labelled, boxed)
    if box_rules:
        if box_rules.redrawn:
            boxes, pairs_added = _follow_labels(boxes, labels, world.classes.boxable)
        target = world.scaled_count(name, "boxes", subset, number)
        boxes = evolved_boxes.evolve_boxes(rng, boxes, pairs_added, target, box_rules, world.classes.place)
    if release.machine:
        images = np.arange(world.plan.part(subset, number).images)
        supply = LabelSupply(images, world.proposed[name], world.classes.labelled[name])
        target = world.scaled_count(name, "machine_labels", subset, number)
        machine_labels = evolved_labels.evolve_machine(rng, machine_labels, target, release.machine, supply)
    boxable = np.unique(pairs.image_numbers(boxes.pairs)) if release.follows == AFTER else before.boxable
    return SubsetState(labels, machine_labels, boxes, labelled, boxable)


def _next_labels(
    rng: np.random.Generator,
    world: EvolvedContext,
    number: int,
    subset: str,
    name: str,
    before: Verdicts,
    labelled: Pairs,
    boxed: Pairs,
) -> Verdicts:
    """In validation and test nobody is asked about boxable classes without a box, as in V3."""
    is_train = subset == "train"
    supply = LabelSupply(
        labelled,
        (world.judged if is_train else world.unboxed)[name],
        world.classes.labelled[name],
        boxed,
        world.classes.added[name][number :: world.plan.slices] if is_train else labelled[:0],
    )
    target, rules = world.verdict_counts(name, subset, number), world.rules.releases[name].labels[subset]
    return evolved_labels.evolve_verdicts(rng, before, target, rules, supply, world.classes.tree)


def _follow_labels(boxes: EvolvedBoxes, labels: Verdicts, boxable: Pairs) -> tuple[EvolvedBoxes, Pairs]:
    """The boxes whose class is still positive, and the positives of boxable classes that have none yet."""
    positive = labels.pairs[labels.verdict == 1]
    kept = boxes.take(pairs.isin(boxes.pairs, positive))
    return kept, pairs.without(positive[np.isin(pairs.class_numbers(positive), boxable)], kept.pairs)


def _new_box_pairs(
    rng: np.random.Generator, world: EvolvedContext, number: int, name: str, before: SubsetState, labelled: Pairs
) -> Pairs:
    """Pairs that get their first box in train: one on each image that joins those with boxes, the rest on these."""
    rules = world.rules.releases[name].boxes["train"]
    boxed = np.unique(pairs.image_numbers(before.boxes.pairs))
    joining = world.scaled_count(name, "images_with_boxes", "train", number) - len(boxed)
    images = rng.permutation(np.setdiff1d(labelled, boxed))[: max(0, joining)]
    added = world.scaled_count(name, "boxes", "train", number) - len(before.boxes.pairs)
    more = max(0, round(rules.added_pairs * added) - len(images))
    taken = np.union1d(before.labels.pairs, before.boxes.pairs)
    firsts = np.empty(0, np.int64)
    for image in (images, rng.choice(boxed, more)):
        drawn = pairs.pack(image, zipf.draw_codes(rng, world.boxed, len(image)))
        while len(bad := np.flatnonzero(pairs.isin(drawn, taken))):
            drawn[bad] = pairs.pack(image[bad], zipf.draw_codes(rng, world.boxed, len(bad)))
        firsts = np.union1d(firsts, drawn)
    return firsts
