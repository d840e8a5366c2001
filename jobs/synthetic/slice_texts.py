"""The rows of V1 to V3 in one slice as text by member, and what they count."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from oilake.jobs.synthetic import boxes, first_validation, human, images, machine, pairs
from oilake.jobs.synthetic.context import SampleContext
from oilake.jobs.synthetic.human import HumanLabels
from oilake.jobs.synthetic.pairs import Pairs
from oilake.jobs.synthetic.release_rules import AFTER, ARCHIVES, BEFORE, FIRST
from oilake.jobs.synthetic.slice_rows import SampleSlice

LATER = (BEFORE, AFTER)


def write_subset(world: SampleContext, sample_slice: SampleSlice, subset: str) -> None:
    """Writes and counts the rows of one subset in the second release and the third, and of train in all."""
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


def write_first(world: SampleContext, number: int, sample_slice: SampleSlice) -> None:
    """Writes and counts what only the first release has: its machine labels of train and its validation set."""
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
