"""Rows as text, a column at a time: vocabularies, fixed-width digits and joins; nothing here loops over rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
BASE64 = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", np.uint8)

Integers = npt.NDArray[Any]


def split_words(text: str) -> list[str]:
    """The words of a text."""
    return text.split()


def fixed_width(characters: npt.NDArray[np.uint8]) -> pa.StringArray:
    """ASCII codes of shape (n, width) as n strings of that width."""
    n, width = characters.shape
    offsets = np.arange(n + 1, dtype=np.int32) * np.int32(width)
    return pa.StringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(characters)))


def image_ids(ids: npt.NDArray[np.uint64]) -> pa.StringArray:
    """64-bit numbers of shape (n,) as 16 lower-case hex digits each."""
    octets = ids.astype(">u8").view(np.uint8).reshape(-1, 8)
    return fixed_width(np.stack([HEX[octets >> 4], HEX[octets & 15]], axis=2).reshape(-1, 16))


def random_hex(rng: np.random.Generator, n: int, width: int) -> pa.StringArray:
    """n strings of `width` random hex digits."""
    return fixed_width(HEX[rng.integers(0, 16, (n, width), dtype=np.uint8)])


def random_md5s(rng: np.random.Generator, n: int) -> pa.StringArray:
    """The base64 form of 16 random bytes, n times."""
    octets = np.zeros((n, 18), np.uint32)
    octets[:, :16] = rng.integers(0, 256, (n, 16), dtype=np.uint8)
    words = (octets[:, 0::3] << 16) | (octets[:, 1::3] << 8) | octets[:, 2::3]
    sixbits = np.stack([words >> 18, words >> 12, words >> 6, words], axis=2).reshape(n, 24) & 63
    characters = BASE64[sixbits]
    characters[:, 22:] = ord("=")
    return fixed_width(characters)


def pick(vocabulary: pa.StringArray, codes: Integers) -> pa.StringArray:
    """The words of `vocabulary` that `codes` of shape (n,) name."""
    return vocabulary.take(pa.array(codes))


def decimal_digits(values: Integers) -> pa.StringArray:
    """Whole numbers in decimal digits."""
    return pc.cast(pa.array(values), pa.string())


def blank(values: pa.StringArray, where: npt.NDArray[np.bool_]) -> pa.StringArray:
    """`values`, empty where the mask says so."""
    return pc.if_else(pa.array(where), "", values)


def join_columns(*parts: pa.StringArray | str) -> pa.StringArray:
    """The parts side by side, row by row; a plain string stands in every row."""
    return pc.binary_join_element_wise(*parts, "")


def row_bytes(lines: Sequence[pa.StringArray]) -> list[memoryview]:
    """What stands in the arrays one row after another, without a copy."""
    views = []
    for array in lines:
        if len(array):
            ends = np.frombuffer(array.buffers()[1], np.int32)
            start, stop = int(ends[array.offset]), int(ends[array.offset + len(array)])
            views.append(memoryview(array.buffers()[2])[start:stop])
    return views
