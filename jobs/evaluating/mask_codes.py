"""Predicted masks as the challenge writes them: COCO's run lengths, deflated by zlib, in base64."""

from __future__ import annotations

import base64
import binascii
import zlib

import numpy as np

from oilake.jobs.blobs.mask_pictures import Foreground
from oilake.jobs.transforms.label_keys import Integers

MOST_BYTES = 16 << 20
MOST_PIXELS = 25_000_000
# A character holds five bits of a number above the code of "0", and whether more follow; the last one's fifth is a sign.
FIRST_CODE, BITS, MORE, SIGN = 48, 5, 32, 16
LONGEST_NUMBER = 7


class MaskCodeError(Exception):
    """A text that is no mask of its width and height; the sentence says why."""


def decode_mask(text: str, width: int, height: int) -> Foreground:
    """Return the pixels of the object, shape (height, width)."""
    if width * height > MOST_PIXELS:
        raise MaskCodeError(f"it has {width * height:,} pixels, and {MOST_PIXELS:,} are read")
    runs = decode_runs(_inflated(text))
    if (runs < 0).any() or int(runs.sum()) != width * height:
        raise MaskCodeError(f"its runs are not of {width} x {height} pixels")
    is_object = np.arange(len(runs)) % 2 == 1
    return np.repeat(is_object, runs).reshape(width, height).T


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


def _inflated(text: str) -> bytes:
    try:
        inflater = zlib.decompressobj()
        codes = inflater.decompress(base64.b64decode(text, validate=True), MOST_BYTES)
    except (binascii.Error, ValueError, zlib.error):
        raise MaskCodeError("it is no base64 of what zlib deflated") from None
    if not inflater.eof:
        raise MaskCodeError("it is cut off or too long")
    return codes
