"""Predicted masks as the challenge writes them: COCO's run lengths, deflated by zlib, in base64."""

from __future__ import annotations

import base64
import binascii
import zlib

import numpy as np

from oilake.jobs.blobs.mask_pictures import Foreground
from oilake.jobs.blobs.run_lengths import MaskCodeError, decode_runs

MOST_BYTES = 16 << 20
MOST_PIXELS = 25_000_000


def decode_mask(text: str, width: int, height: int) -> Foreground:
    """Return the pixels of the object, shape (height, width)."""
    if width * height > MOST_PIXELS:
        raise MaskCodeError(f"it has {width * height:,} pixels, and {MOST_PIXELS:,} are read")
    runs = decode_runs(_inflated(text))
    if (runs < 0).any() or int(runs.sum()) != width * height:
        raise MaskCodeError(f"its runs are not of {width} x {height} pixels")
    is_object = np.arange(len(runs)) % 2 == 1
    return np.repeat(is_object, runs).reshape(width, height).T


def _inflated(text: str) -> bytes:
    try:
        inflater = zlib.decompressobj()
        codes = inflater.decompress(base64.b64decode(text, validate=True), MOST_BYTES)
    except (binascii.Error, ValueError, zlib.error):
        raise MaskCodeError("it is no base64 of what zlib deflated") from None
    if not inflater.eof:
        raise MaskCodeError("it is cut off or too long")
    return codes
