"""Images of V4 and later: V3's with a rotation, in one file of all subsets and in lists of some."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oilake.jobs.synthetic import text
from oilake.jobs.synthetic.pairs import Pairs
from oilake.jobs.synthetic.slice_rows import SubsetRows


class RotatedImages(NamedTuple):
    """Images of one subset, by number: their IDs as 64-bit numbers, and their whole rows with a rotation at the end."""

    ids: npt.NDArray[np.uint64]
    lines: pa.StringArray


def rotated_images(
    rng: np.random.Generator, rows: SubsetRows, subset: str, rotations: Mapping[str, float]
) -> RotatedImages:
    """The images with rotations drawn by their shares."""
    shares = np.array(list(rotations.values()))
    drawn = rng.choice(len(shares), len(rows.ids), p=shares / shares.sum())
    written = text.pick(pa.array(list(rotations)), drawn)
    return RotatedImages(rows.ids, text.join_columns(rows.names, f",{subset},", rows.details, ",", written, "\n"))


def all_lines(parts: list[RotatedImages]) -> pa.StringArray:
    """The rows of all subsets, sorted by ID."""
    lines = pa.concat_arrays([part.lines for part in parts])
    return lines.take(pa.array(np.argsort(np.concatenate([part.ids for part in parts]))))


def some_lines(images: RotatedImages, numbers: Pairs, rng: np.random.Generator | None) -> pa.StringArray:
    """The rows of the images with these numbers, in their order or (given `rng`) in no order."""
    return images.lines.take(pa.array(rng.permutation(numbers) if rng else numbers))
