"""One slice of the files of V4 and later: their rows as text by file, what they count, what changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from oilake.conf.registry import SUBSETS
from oilake.jobs.synthetic import drawn_files, evolution, evolved_boxes, evolved_images, human, machine, pairs, text
from oilake.jobs.synthetic.drawn_files import DrawnFile
from oilake.jobs.synthetic.evolution import SubsetState
from oilake.jobs.synthetic.evolved_context import EvolvedContext
from oilake.jobs.synthetic.evolved_images import RotatedImages
from oilake.jobs.synthetic.evolved_labels import Verdicts
from oilake.jobs.synthetic.figures import FigureTally
from oilake.jobs.synthetic.pairs import Pairs
from oilake.jobs.synthetic.release_rules import RowFile
from oilake.jobs.synthetic.slice_rows import SampleSlice, SubsetRows

ROTATIONS, SHUFFLES = 3, 4
SHUFFLE_BITS = 20


@dataclass(frozen=True)
class SliceStates:
    """The rows of one slice by subset: V3's, their images with rotations, and the states by release."""

    number: int
    rows: dict[str, SubsetRows]
    images: dict[str, RotatedImages]
    states: dict[str, dict[str, SubsetState]]


def make_states(world: EvolvedContext, number: int, sample_slice: SampleSlice) -> SliceStates:
    """What V4 and later make of a slice."""
    rows = {subset: sample_slice.parts[subset] for subset in SUBSETS}
    return SliceStates(
        number,
        rows,
        {
            subset: evolved_images.rotated_images(
                world.random_generator(ROTATIONS, number, SUBSETS.index(subset)), part, subset, world.rules.rotations
            )
            for subset, part in rows.items()
        },
        {subset: evolution.subset_states(world, number, subset, part) for subset, part in rows.items()},
    )


def file_lines(world: EvolvedContext, slice_states: SliceStates, name: str) -> pa.StringArray:
    """The rows of one file in a slice."""
    form = world.rules.rows[name]
    rng = (
        world.random_generator(SHUFFLES, slice_states.number, list(world.rules.rows).index(name))
        if form.shuffled
        else None
    )
    if form.content == "all_images":
        return evolved_images.all_lines(list(slice_states.images.values()))
    assert form.subset is not None
    state, ids = slice_states.states[form.subset][form.state], slice_states.rows[form.subset].names
    images = slice_states.images[form.subset]
    if form.content == "images":
        return images.lines
    if form.content in ("boxable_images", "labelled_images"):
        chosen = state.boxable if form.content == "boxable_images" else state.labelled
        return evolved_images.some_lines(images, chosen, rng)
    if form.content == "machine":
        return machine.machine_lines(ids, state.machine, world.machine)
    if form.content == "boxes":
        return evolved_boxes.box_lines(ids, state.boxes, world.boxes, form.shortest)
    if form.content in drawn_files.CONTENTS:
        return DrawnFile(world, slice_states.number, name, form, state, len(ids)).text_lines(ids)
    return verdict_lines(ids, world.classes.place, _verdict_rows(world, state, form), world.human[form.state], rng)


def _verdict_rows(world: EvolvedContext, state: SubsetState, form: RowFile) -> Verdicts:
    if form.content == "human":
        return state.labels
    return state.labels.take(np.isin(pairs.class_numbers(state.labels.pairs), world.classes.boxable))


def verdict_lines(
    ids: pa.StringArray, place: Pairs, rows: Verdicts, words: pa.StringArray, rng: np.random.Generator | None
) -> pa.StringArray:
    """Human labels sorted by image, and inside it by source and MID or (given `rng`) not at all."""
    if rng is None:
        return human.human_lines(ids, place, (rows.pairs, rows.verdict, rows.source), words)
    image, code = pairs.image_numbers(rows.pairs), pairs.class_numbers(rows.pairs)
    order = np.argsort(image << SHUFFLE_BITS | rng.integers(0, 1 << SHUFFLE_BITS, len(image)))
    word = ((rows.source * 2 + rows.verdict) * (len(words) // 4) + code)[order]
    return text.join_columns(text.pick(ids, image[order].astype(np.int32)), text.pick(words, word.astype(np.int32)))


def count_file(tally: FigureTally, world: EvolvedContext, slice_states: SliceStates, name: str, form: RowFile) -> None:
    """Adds what a file holds to the tally, under the file's name."""
    if form.content == "all_images":
        for subset, part in slice_states.rows.items():
            tally.count((name,), "images", subset, len(part.ids))
    if form.subset is not None and form.content in drawn_files.CONTENTS:
        state = slice_states.states[form.subset][form.state]
        images = len(slice_states.rows[form.subset].names)
        DrawnFile(world, slice_states.number, name, form, state, images).count_rows(tally)
    if form.subset is None or form.content not in ("human", "machine", "boxes"):
        return
    state, subset = slice_states.states[form.subset][form.state], form.subset
    if form.content == "human":
        positive = state.labels.verdict == 1
        tally.count((name,), "human_labels_positive", subset, int(positive.sum()))
        tally.count((name,), "human_labels_negative", subset, int((~positive).sum()))
        tally.see((name,), "human", pairs.class_numbers(state.labels.pairs))
        if subset == "train":
            tally.add_positives(name, pairs.class_numbers(state.labels.pairs[positive]))
    elif form.content == "machine":
        tally.count((name,), "machine_labels", subset, len(state.machine))
        tally.see((name,), "machine", pairs.class_numbers(state.machine))
    else:
        tally.count((name,), "boxes", subset, len(state.boxes.pairs))
        tally.count((name,), "images_with_boxes", subset, len(np.unique(pairs.image_numbers(state.boxes.pairs))))
        tally.see((name,), "box", pairs.class_numbers(state.boxes.pairs))


def count_files(
    tally: FigureTally, world: EvolvedContext, slice_states: SliceStates, files: Mapping[str, RowFile]
) -> None:
    """Adds what these files hold."""
    for name, form in files.items():
        count_file(tally, world, slice_states, name, form)
