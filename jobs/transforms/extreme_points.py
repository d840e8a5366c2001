"""The points of extreme clicking: eight published columns to one list of four points a box."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oilake.jobs.transforms import numbers
from oilake.schemas.loader import arrow_schema, table_schema

POINTS = 4
X_CLICKS = tuple(f"x_click_{n}" for n in range(1, POINTS + 1))
Y_CLICKS = tuple(f"y_click_{n}" for n in range(1, POINTS + 1))
NOT_DRAWN = -1.0

Coordinates = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def read_points(raw: Mapping[str, pa.Array], declared: Collection[str]) -> tuple[pa.ListArray, Mask]:
    """(The points as x and y, fractions of the image, in the published order; which rows have no such four); shape (rows,).

    `raw`: the clicks' columns, as numbers or text; those that a file lacks may be absent. NULL: the box was not drawn by
    extreme clicking, so that each of the eight is NULL, or -1 in columns whose values for it are not `declared`, however
    the number is written.
    """
    kind = arrow_schema(table_schema("boxes")).field("extreme_points").type
    rows = len(raw["image_id"])
    if not any(name in raw for name in (*X_CLICKS, *Y_CLICKS)):
        return pa.nulls(rows, kind), np.zeros(rows, np.bool_)
    read = [_read_coordinate(raw, name, name in declared) for name in (*X_CLICKS, *Y_CLICKS)]
    values = np.stack([coordinate for coordinate, _ in read])
    is_unreadable = np.asarray(np.stack([bad for _, bad in read]).any(axis=0))
    is_inside = np.asarray(((values >= 0) & (values <= 1)).all(axis=0))
    is_undrawn = np.isnan(values).all(axis=0) & ~is_unreadable
    return _points_array(values, is_inside, kind), ~is_inside & ~is_undrawn


def _read_coordinate(raw: Mapping[str, pa.Array], name: str, is_declared: bool) -> tuple[Coordinates, Mask]:
    """(The numbers, NaN where there is none; which texts are no number); shape (rows,) each."""
    if name not in raw:
        rows = len(raw["image_id"])
        return np.full(rows, np.nan), np.zeros(rows, np.bool_)
    doubles, bad = numbers.to_doubles(raw[name])
    values = np.array(doubles.to_numpy(zero_copy_only=False), np.float64)
    return values if is_declared else np.where(values == NOT_DRAWN, np.nan, values), bad


def _points_array(values: Coordinates, is_drawn: Mask, kind: pa.ListType) -> pa.ListArray:
    """`values`: all x before all y, shape (8, rows); points of rows that were not drawn are NULL."""
    drawn = values[:, is_drawn].T
    x, y = (pa.array(half.ravel()) for half in (drawn[:, :POINTS], drawn[:, POINTS:]))
    points = pa.StructArray.from_arrays([x, y], fields=list(kind.value_type))
    offsets = np.append(0, np.cumsum(is_drawn * POINTS)).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), points, type=kind, mask=pa.array(~is_drawn))
