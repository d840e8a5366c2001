"""What lacks inside nested values: a list that holds a NULL, a struct without one of its fields, a number that is none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oilake.quality.row_expectations import numpy_mask

Mask = npt.NDArray[np.bool_]


def lacks_inside(values: pa.Array) -> Mask:
    """Mark the values that hold, at any depth, a NULL or a number that is not finite; shape (rows,). A NULL holds none."""
    if pa.types.is_list(values.type):
        return _any_of_list(values, _is_lacking(values.values))
    if pa.types.is_struct(values.type):
        fields = [_is_lacking(inner) for inner in values.flatten()]
        return np.asarray(np.logical_or.reduce(fields) & numpy_mask(values.is_valid()))
    if pa.types.is_floating(values.type):
        return ~numpy_mask(pc.fill_null(pc.is_finite(values), True))
    return np.zeros(len(values), np.bool_)


def _is_lacking(values: pa.Array) -> Mask:
    return lacks_inside(values) | numpy_mask(values.is_null())


def _any_of_list(lists: pa.ListArray, is_lacking: Mask) -> Mask:
    """Whether a list has an item that lacks something; `is_lacking`: of all items."""
    if not is_lacking.any():
        return np.zeros(len(lists), np.bool_)
    counts = np.append(0, np.cumsum(is_lacking))[lists.offsets.to_numpy()]
    return np.asarray((np.diff(counts) > 0) & numpy_mask(lists.is_valid()))
