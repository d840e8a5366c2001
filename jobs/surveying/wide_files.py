"""Leaves out files whose range of image IDs tells little, such as those of validation and test: their IDs are read once."""

from __future__ import annotations

import numpy as np

from oilake.jobs.surveying.pinned_view import PinnedView
from oilake.jobs.surveying.view_slice import ViewFile, ViewSlice
from oilake.jobs.transforms.image_runs import Numbers, are_among

# A file that spans more than this share of all IDs is wide; one of more rows than these is not read for it.
LEAST_SPAN, MOST_ROWS = (1 << 64) // 4, 5_000_000


def keep_holding_image(view: PinnedView, published: ViewSlice, release: str, image_id: str) -> ViewSlice:
    """The slice with only the files that may hold rows of an image, given as 16 hex digits; with all where the table is not
    sorted by image. StoreError where a file cannot be read."""
    chosen = published.keep_holding("image_id", [image_id])
    if published.sorted_by != "image_id" or len(chosen.files) < 2:
        return chosen
    kept = (file for file in chosen.files if not is_wide(file) or _holds_image(view, chosen, release, file, image_id))
    return ViewSlice(published.table, tuple(kept))


def is_wide(file: ViewFile) -> bool:
    """Whether the range of a file's IDs tells little of what it holds, and its IDs are few enough to be kept."""
    if file.least is None or file.most is None or file.rows is None or file.rows > MOST_ROWS:
        return False
    return int(file.most, 16) - int(file.least, 16) > LEAST_SPAN


def _holds_image(view: PinnedView, published: ViewSlice, release: str, file: ViewFile, image_id: str) -> bool:
    numbers = view.remember(("images of a file", release, file.uri), lambda: _read_numbers(view, published, file))
    return bool(are_among(np.array([int(image_id, 16)], np.uint64), numbers)[0])


def _read_numbers(view: PinnedView, published: ViewSlice, file: ViewFile) -> Numbers:
    """The distinct image IDs of a file as numbers, sorted."""
    query = view.engine.begin_query()
    rows = query.files_relation(ViewSlice(published.table, (file,)))
    return np.fromiter(
        query.read_column(f"SELECT DISTINCT ('0x' || image_id)::UBIGINT AS number FROM {rows} ORDER BY number"),
        np.uint64,
    )
