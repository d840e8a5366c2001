"""Published text to numbers; what is no number is NULL and marked, never a guess."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

DECIMAL = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
WHOLE = r"^-?[0-9]{1,18}$"
ATTRIBUTES = {"1": True, "1.0": True, "0": False, "0.0": False, "-1": None, "-1.0": None}

Mask = npt.NDArray[np.bool_]


def to_doubles(values: pa.Array) -> tuple[pa.DoubleArray, Mask]:
    """(64-bit floats, which are no finite decimal number); shape (n,), NULL stays NULL and is not marked.

    Spaces around a number are no fault, and minus zero is zero.
    """
    if pa.types.is_floating(values.type):
        numbers, bad = values, np.zeros(len(values), np.bool_)
    else:
        numbers, bad = _cast_text(values, DECIMAL, pa.float64())
    if not math.isfinite(pc.sum(numbers).as_py() or 0.0):
        endless = _as_mask(pc.fill_null(pc.invert(pc.is_finite(numbers)), False))
        numbers, bad = pc.if_else(pa.array(~endless), numbers, pa.scalar(None, pa.float64())), bad | endless
    return pc.add(numbers, 0.0), bad


def to_integers(values: pa.Array) -> tuple[pa.Int64Array, Mask]:
    """(64-bit integers, which are no whole number of up to 18 digits); shape (n,), NULL stays NULL and is not marked."""
    if pa.types.is_integer(values.type):
        return values, np.zeros(len(values), np.bool_)
    return _cast_text(values, WHOLE, pa.int64())


def to_booleans(values: pa.Array) -> tuple[pa.BooleanArray, Mask]:
    """(1 as true, 0 as false, -1 as NULL, which are none of these); shape (n,), absent stays NULL."""
    is_known = pc.is_in(values, value_set=pa.array(list(ATTRIBUTES)))
    index = pc.index_in(values, value_set=pa.array(list(ATTRIBUTES)))
    booleans = pa.array(list(ATTRIBUTES.values()), pa.bool_()).take(index)
    return booleans, _as_mask(pc.and_(pc.is_valid(values), pc.invert(is_known)))


def _cast_text(values: pa.Array, pattern: str, target_type: pa.DataType) -> tuple[pa.Array, Mask]:
    values = pc.ascii_trim(values, " \t")
    fits = pc.fill_null(pc.match_substring_regex(values, pattern), False)
    bad = _as_mask(pc.and_(pc.is_valid(values), pc.invert(fits)))
    cleaned = pc.if_else(fits, values, pa.scalar(None, pa.string())) if bad.any() else values
    return pc.cast(cleaned, target_type), bad


def _as_mask(booleans: Any) -> Mask:
    return np.asarray(booleans.to_numpy(zero_copy_only=False))
