"""Dictionary arrays: what is done to a repeated value is done once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Mask = npt.NDArray[np.bool_]
Normalize = Callable[[pa.Array], tuple[pa.Array, Mask]]


def by_runs(values: pa.StringArray) -> pa.DictionaryArray:
    """Adjacent equal values share one dictionary entry, so sorted IDs are hashed nowhere; NULL becomes a NULL index."""
    runs = pc.run_end_encode(values)
    ends = runs.run_ends.to_numpy()
    indices = np.repeat(np.arange(len(ends), dtype=np.int32), np.diff(ends, prepend=0))
    missing = values.is_null().to_numpy(zero_copy_only=False) if values.null_count else None
    return pa.DictionaryArray.from_arrays(pa.array(indices, mask=missing), runs.values, safe=False)


def map_distinct(values: pa.DictionaryArray, normalize: Normalize) -> tuple[pa.DictionaryArray, Mask]:
    """`normalize` on the distinct values; (the new array, which rows it marks).

    Values that have become equal share one entry, and what has become NULL is a NULL index.
    """
    distinct, marked = normalize(values.dictionary)
    encoded = distinct.dictionary_encode()
    same = len(encoded.dictionary) == len(distinct)
    indices = values.indices if same else encoded.indices.take(values.indices)
    return pa.DictionaryArray.from_arrays(indices, encoded.dictionary, safe=False), expand_mask(values, marked)


def convert_distinct(values: pa.DictionaryArray, convert: Normalize) -> tuple[pa.Array, Mask]:
    """`convert` on the distinct values, given back row by row; (the plain array, which rows it marks)."""
    distinct, marked = convert(values.dictionary)
    return distinct.take(values.indices), expand_mask(values, marked)


def expand_mask(values: pa.DictionaryArray, marked: Mask) -> Mask:
    """A mask over the distinct values as a mask over the rows; NULL is not marked."""
    if not marked.any():
        return np.zeros(len(values), np.bool_)
    return np.asarray(np.append(marked, False)[values.indices.fill_null(len(marked)).to_numpy(zero_copy_only=False)])
