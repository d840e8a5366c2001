"""64 bits of each row: equal rows have equal ones, so that millions of rows are told apart without comparing them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

RowHashes = npt.NDArray[np.uint64]

ID_BYTES = 16
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
    distinct = _hash_distinct(coded.dictionary)
    places = coded.indices.fill_null(len(distinct)).to_numpy(zero_copy_only=False)
    return np.asarray(np.append(distinct, MISSING)[places])


def _hash_distinct(values: pa.Array) -> RowHashes:
    """The hash of each value, shape (n,); texts as long as image IDs, of which there are as many as images, at once."""
    if not pa.types.is_string(values.type) or values.null_count:
        return _hash_texts([str(value) for value in values.to_pylist()])
    offsets = np.frombuffer(values.buffers()[1] or b"", np.int32)[values.offset : values.offset + len(values) + 1]
    is_id_long = np.diff(offsets) == ID_BYTES
    hashes = np.empty(len(values), np.uint64)
    hashes[is_id_long] = _hash_halves(values, offsets[:-1][is_id_long])
    if not is_id_long.all():
        hashes[~is_id_long] = _hash_texts(values.filter(pa.array(~is_id_long)).to_pylist())
    return hashes


def _hash_halves(values: pa.StringArray, starts: npt.NDArray[np.int32]) -> RowHashes:
    data = np.frombuffer(values.buffers()[2] or b"", np.uint8)
    halves = data[starts[:, None] + np.arange(ID_BYTES)].view(np.uint64)
    mixed = (halves[:, 0] * FACTOR) ^ (halves[:, 1] >> SHIFT) ^ halves[:, 1]
    return np.asarray(mixed * FACTOR)


def _hash_texts(texts: Sequence[str]) -> RowHashes:
    return np.array([xxhash.xxh3_64_intdigest(text.encode()) for text in texts], np.uint64)
