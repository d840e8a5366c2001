"""64 bits of each row: equal rows have equal ones, so that millions of rows are told apart without comparing them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

RowHashes = npt.NDArray[np.uint64]

FACTOR, SHIFT, MISSING = np.uint64(0x9E3779B97F4A7C15), np.uint64(29), np.uint64(0x632BE59BD9B4E019)


def hash_rows(rows: pa.Table, columns: Sequence[str]) -> RowHashes:
    """Of each row the hash of its values in some columns, shape (rows,); minus zero is zero, and NULL is like NULL."""
    hashes = np.zeros(len(rows), np.uint64)
    for name in columns:
        hashes = (hashes ^ _hash_values(rows[name])) * FACTOR
        hashes ^= hashes >> SHIFT
    return hashes


def repeated_hashes(parts: Iterable[RowHashes]) -> RowHashes:
    """The hashes that stand more than once in all parts together, each once, sorted."""
    ordered = np.sort(np.concatenate([np.empty(0, np.uint64), *parts]))
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def _hash_values(column: pa.ChunkedArray) -> RowHashes:
    values = column.combine_chunks()
    if pa.types.is_floating(values.type):
        numbers = pc.add(values.cast(pa.float64()), 0.0)
        number_bits = pc.fill_null(numbers, 0.0).to_numpy(zero_copy_only=False).view(np.uint64)
        return np.asarray(np.where(numbers.is_null().to_numpy(zero_copy_only=False), MISSING, number_bits))
    if pa.types.is_nested(values.type):
        values = pa.array([repr(value) for value in values.to_pylist()], pa.string())
    coded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
    distinct = [xxhash.xxh3_64_intdigest(str(value).encode()) for value in coded.dictionary.to_pylist()]
    places = coded.indices.fill_null(len(distinct)).to_numpy(zero_copy_only=False)
    return np.asarray(np.array([*distinct, int(MISSING)], np.uint64)[places])
