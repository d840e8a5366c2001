"""Raw columns in which texts stand that mean "no value", as the registry declares them for a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oilake.jobs.transforms import dictionary_arrays, numbers

NONE = np.zeros(0, np.bool_)


def blank_null_values(
    raw: Mapping[str, pa.Array], null_values: Mapping[str, Sequence[str]], types: Mapping[str, pa.DataType]
) -> dict[str, pa.Array]:
    """Return the columns, each of shape (rows,), with NULL where one of the column's `null_values` stands.

    Columns whose type is a number (`types`) are compared by value, however the number is written; others by their text.
    """
    columns = dict(raw)
    for name in null_values.keys() & raw.keys():
        columns[name] = _blank_column(raw[name], null_values[name], pa.types.is_floating(types[name]))
    return columns


def _blank_column(values: pa.Array, texts: Sequence[str], is_number: bool) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        return dictionary_arrays.map_distinct(values, lambda distinct: (_blank_texts(distinct, texts), NONE))[0]
    stated = values if pa.types.is_floating(values.type) else _blank_texts(values, texts)
    if not is_number:
        return stated
    doubles = numbers.to_doubles(stated)[0]
    is_blank = pc.is_in(doubles, value_set=_numbers_of(texts))
    return pc.if_else(is_blank, pa.scalar(None, stated.type), stated)


def _blank_texts(values: pa.Array, texts: Sequence[str]) -> pa.Array:
    is_blank = pc.is_in(values, value_set=pa.array(texts, values.type))
    return pc.if_else(is_blank, pa.scalar(None, values.type), values)


def _numbers_of(texts: Sequence[str]) -> pa.DoubleArray:
    doubles, _ = numbers.to_doubles(pa.array(texts, pa.string()))
    return doubles.drop_null()
