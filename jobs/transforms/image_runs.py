"""Rows sorted by image, as runs: which image, and how many rows of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oilake.jobs.transforms.image_ids import as_numbers

Numbers = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ImageRuns:
    """`rows` without their image_id; `images`: the image ID of each run of rows as a number, never falling within a file
    (an image may have several runs); `lengths`: the rows of each run. Both of shape (runs,)."""

    rows: pa.Table
    images: Numbers
    lengths: Counts

    def before(self, image: int) -> ImageRuns:
        """The rows of the images below `image`; of rows that never fall."""
        return self._run_slice(0, count_below(self.images, image))

    def since(self, image: int) -> ImageRuns:
        """The rows of `image` and of those above it; of rows that never fall."""
        return self._run_slice(count_below(self.images, image), len(self.images))

    def _run_slice(self, start: int, stop: int) -> ImageRuns:
        if (start, stop) == (0, len(self.images)):
            return self
        first, count = int(self.lengths[:start].sum()), int(self.lengths[start:stop].sum())
        return ImageRuns(self.rows.slice(first, count), self.images[start:stop], self.lengths[start:stop])

    def is_sorted(self) -> bool:
        """Whether the images never fall."""
        return bool((self.images[1:] >= self.images[:-1]).all())


def runs_of_batch(batch: pa.RecordBatch) -> ImageRuns:
    """The runs of a batch with canonical image IDs as plain strings: each run's ID is converted once."""
    place = batch.schema.get_field_index("image_id")
    column = batch.column(place)
    schema = pa.schema(
        [column_field.with_nullable(True) for column_field in batch.schema]
    )  # writers note differently what can be NULL
    rows = pa.Table.from_arrays(batch.columns, schema=schema).remove_column(place)
    if not len(column):
        return ImageRuns(rows, np.empty(0, np.uint64), np.empty(0, np.int64))
    first = np.frombuffer(column.buffers()[1], np.int32, 1, column.offset * 4)[0]
    halves = np.frombuffer(column.buffers()[2], np.uint64, 2 * len(column), first).reshape(-1, 2)
    differ = (halves[1:, 0] != halves[:-1, 0]) | (halves[1:, 1] != halves[:-1, 1])
    starts = np.append(0, np.flatnonzero(differ) + 1)
    return ImageRuns(rows, as_numbers(column.take(pa.array(starts))), np.diff(starts, append=len(column)))


def join_runs(parts: Sequence[ImageRuns]) -> ImageRuns:
    """All runs of the parts, in their order."""
    if len(parts) == 1:
        return parts[0]
    return ImageRuns(
        pa.concat_tables([part.rows for part in parts]),
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.lengths for part in parts]),
    )


def count_below(images: Numbers, image: int) -> int:
    """How many of the ascending `images` lie below `image`, which may be 2^64."""
    return len(images) if image >= 1 << 64 else int(np.searchsorted(images, np.uint64(image)))


def are_among(images: Numbers, chosen: Numbers) -> npt.NDArray[np.bool_]:
    """Which of some images stand among the ascending `chosen` ones; of the shape of `images`."""
    if not len(chosen):
        return np.zeros(len(images), np.bool_)
    places = np.minimum(np.searchsorted(chosen, images), len(chosen) - 1)
    return np.asarray(chosen[places] == images)


def distinct_images(images: Sequence[Numbers]) -> Numbers:
    """The distinct images, ascending; done soonest of arrays that never fall."""
    merged = np.concatenate(images)
    merged.sort(kind="stable")
    return merged[np.append(True, merged[1:] != merged[:-1])] if len(merged) else merged
