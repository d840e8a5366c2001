"""What planted contradictions add to the figures of a sample and to what is true of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from oilake.jobs.synthetic import ground_truth, pairs
from oilake.jobs.synthetic.contradiction_planting import FIRST_RELEASE, SUBSET, TRUTH_FILE, PlantedImages
from oilake.jobs.synthetic.drawn_files import DrawnFile
from oilake.jobs.synthetic.evolved_slices import SliceStates
from oilake.jobs.synthetic.figures import FigureTally
from oilake.jobs.synthetic.release_rules import RowFile

SEEN = {"human": "human", "boxes": "box", "masks": "mask", "points": "point"}


def count_planted(
    tally: FigureTally, planted: PlantedImages, slice_states: SliceStates, files: Mapping[str, RowFile]
) -> None:
    """Add the planted rows of each file to its figures; boxes are planted on images that have some."""
    for name, form in files.items():
        rows = planted.file_rows(form)
        if not rows or form.content == "boxable_human":
            continue
        codes = np.array([row.code for row in rows])
        if form.content in SEEN:
            tally.see((name,), SEEN[form.content], codes)
        if form.content == "human":
            for figure, verdict in (("human_labels_negative", 0), ("human_labels_positive", 1)):
                tally.count((name,), figure, SUBSET, sum(row.recipe.verdict == verdict for row in rows))
        else:
            tally.count((name,), form.content, SUBSET, len(rows))
        if form.content == "masks":
            state, ids = slice_states.states[SUBSET][form.state], slice_states.rows[SUBSET].names
            drawn = DrawnFile(planted.world, slice_states.number, name, form, state, len(ids)).draw_masks()
            masked = set(ids.take(np.unique(pairs.image_numbers(drawn.pairs))).to_pylist())
            tally.count((name,), "images_with_masks", SUBSET, len({row.image_id for row in rows} - masked))


def append_contradictions(folder: Path, planted: PlantedImages, releases: Iterable[str]) -> None:
    """Tell what was planted, release by release."""
    for release in releases:
        ground_truth.append_csv(folder / TRUTH_FILE, planted.truth_rows(release))


def append_changes(folder: Path, planted: PlantedImages) -> None:
    """Tell the labels and boxes that came with planted contradictions."""
    if not planted.images:
        return
    step = f"{planted.world.rules.releases[FIRST_RELEASE].follows}_{FIRST_RELEASE}.csv"
    labels = ((SUBSET, image_id, mid, "added", "") for image_id, mid in planted.added_labels())
    ground_truth.append_csv(folder / f"label_changes_{step}", labels)
    boxes = ((SUBSET, image_id, mid, "added", "", sides, "") for image_id, mid, sides in planted.added_boxes())
    ground_truth.append_csv(folder / f"box_changes_{step}", boxes)
