"""Masks as COCO writes them: the lengths of background and object by turns, down each column of pixels, in characters."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oilake.jobs.transforms.label_keys import Integers

# A character holds five bits of a number above the code of "0", and whether more follow; the last one's fifth is a sign.
FIRST_CODE, BITS, MORE, SIGN = 48, 5, 32, 16
LONGEST_NUMBER = 7


class MaskCodeError(Exception):
    """A text that is no mask of its width and height; the sentence says why."""


def decode_runs(codes: bytes) -> Integers:
    """Return the lengths of background and object by turns, down each column of pixels, from their characters."""
    digits = np.frombuffer(codes, np.uint8).astype(np.int64) - FIRST_CODE
    if not len(digits) or digits.min() < 0 or digits.max() >= 2 * MORE or digits[-1] & MORE:
        raise MaskCodeError("it holds no run lengths")
    ends = np.flatnonzero((digits & MORE) == 0)
    starts = np.append(0, ends[:-1] + 1)
    lengths = ends - starts + 1
    if lengths.max() > LONGEST_NUMBER:
        raise MaskCodeError("a run is too long")
    places = np.arange(len(digits)) - np.repeat(starts, lengths)
    runs = np.add.reduceat((digits & (MORE - 1)) << (BITS * places), starts)
    runs -= np.where(digits[ends] & SIGN, np.int64(1) << (BITS * lengths), 0)
    # From the fourth on each is told by how much it differs from the one before the last.
    runs[1::2], runs[2::2] = np.cumsum(runs[1::2]), np.cumsum(runs[2::2])
    return np.asarray(runs)


def encode_runs(runs: Integers) -> str:
    """Return the characters of run lengths, shape (runs,): what `decode_runs` reads."""
    numbers = np.array(runs, np.int64)
    numbers[3:] -= runs[1:-2]
    shifted = numbers[:, None] >> (BITS * np.arange(LONGEST_NUMBER + 1))
    digits, rest = shifted[:, :-1] & (MORE - 1), shifted[:, 1:]
    has_more = rest != np.where(digits & SIGN, -1, 0)
    is_needed = np.column_stack([np.ones(len(digits), np.bool_), np.logical_and.accumulate(has_more, axis=1)[:, :-1]])
    codes = digits + np.where(has_more, MORE, 0) + FIRST_CODE
    return bytes(codes[is_needed].tolist()).decode()


def mask_runs(foreground: npt.NDArray[np.bool_]) -> Integers:
    """Return the run lengths of a mask, shape (height, width): background first, which may have none."""
    flat = foreground.reshape(-1, order="F")
    changes = np.flatnonzero(np.diff(flat, prepend=False))
    return np.diff(changes, prepend=0, append=len(flat))
