"""Regexes of the form ^[class]{n}$, judged by table look-up: several times faster than a regex engine on the hot path."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

FIXED_WIDTH_REGEX = re.compile(r"\^(\[[0-9a-z-]+\])\{([0-9]{1,4})\}\$")

ByteTable = npt.NDArray[np.bool_]


@cache
def class_and_length(regex: str) -> tuple[ByteTable, int] | None:
    """(which bytes the class holds, length) of a `^[class]{n}$`; None for any other regex."""
    regex_match = FIXED_WIDTH_REGEX.fullmatch(regex)
    if regex_match is None or int(regex_match[2]) == 0:
        return None
    try:
        of_class = re.compile(regex_match[1])
    except re.error:  # Arrow's engine reads some classes that Python's does not
        return None
    return np.array([of_class.fullmatch(chr(b)) is not None for b in range(256)]), int(regex_match[2])


def match_fixed_width(values: pa.StringArray, allowed: ByteTable, length: int) -> npt.NDArray[np.bool_]:
    """Which strings have `length` bytes, all of the class; NULL passes. Shape (rows,)."""
    offsets = np.frombuffer(values.buffers()[1], np.int32, len(values) + 1, values.offset * 4)
    ok: npt.NDArray[np.bool_] = np.diff(offsets) == length
    if values.null_count:
        return np.asarray(values.is_null()) | (ok & _match_by_class(values, offsets, allowed, ok, length))
    return ok & _match_by_class(values, offsets, allowed, ok, length)


def _match_by_class(
    values: pa.StringArray, offsets: npt.NDArray[np.int32], allowed: ByteTable, fits: ByteTable, length: int
) -> npt.NDArray[np.bool_]:
    data = np.frombuffer(values.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
    if fits.all():
        return _all_in_row(allowed[data].reshape(-1, length))
    good = np.zeros(len(values), np.bool_)
    starts = (offsets[:-1] - offsets[0])[fits]
    good[fits] = _all_in_row(allowed[data[starts[:, None] + np.arange(length)]])
    return good


def _all_in_row(cells: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    return np.asarray(cells.all(axis=1))
