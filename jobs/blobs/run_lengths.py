"""Masks as COCO writes them: the lengths of background and object by turns, down each column of pixels, in characters."""

from __future__ import annotations

import numpy as np

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
