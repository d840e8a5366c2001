"""MD5 as published (base64 of 16 bytes) to 32 lower-case hex digits, and back."""

from __future__ import annotations

import base64

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

BASE64 = r"^[A-Za-z0-9+/]{21}[AQgw]==$"
ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
LENGTH = 24

SIXBITS = np.zeros(256, np.uint8)
SIXBITS[np.frombuffer(ALPHABET, np.uint8)] = np.arange(64, dtype=np.uint8)
HEX = np.frombuffer(b"0123456789abcdef", np.uint8)


def to_hex(values: pa.StringArray) -> pa.StringArray:
    """32 hex digits for each base64 MD5 of shape (n,); what is none stays as it is, NULL stays NULL."""
    valid = pc.fill_null(pc.match_substring_regex(values, BASE64), False)
    if pc.all(valid, min_count=0).as_py():
        return _decode_base64(values)
    decoded = _decode_base64(values.filter(valid))
    return pc.replace_with_mask(values, valid, decoded)


def to_base64(digits: str) -> str:
    """The MD5 of 32 hex digits as published."""
    return base64.b64encode(bytes.fromhex(digits)).decode()


def _decode_base64(values: pa.StringArray) -> pa.StringArray:
    n = len(values)
    offsets = np.frombuffer(values.buffers()[1], np.int32, n + 1, values.offset * 4)
    text = np.frombuffer(values.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]].reshape(n, LENGTH)
    bits = SIXBITS[text].astype(np.uint32).reshape(n, LENGTH // 4, 4)
    words = (bits[:, :, 0] << 18) | (bits[:, :, 1] << 12) | (bits[:, :, 2] << 6) | bits[:, :, 3]
    octets = np.stack([words >> 16, words >> 8, words], axis=2).astype(np.uint8).reshape(n, 18)[:, :16]
    return _fixed_width_strings(np.stack([HEX[octets >> 4], HEX[octets & 15]], axis=2).reshape(n, 32))


def _fixed_width_strings(characters: npt.NDArray[np.uint8]) -> pa.StringArray:
    n, width = characters.shape
    offsets = np.arange(0, (n + 1) * width, width, dtype=np.int32)
    return pa.StringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(characters)))
