"""TFRecord files of tf.train.Example messages, written without TensorFlow."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence

from oilake.jobs.exporting.crc32c import masked_crc


def record_bytes(message: bytes) -> bytes:
    """A record of a TFRecord file: length, its checksum, the message, its checksum."""
    length = struct.pack("<Q", len(message))
    return b"".join([length, struct.pack("<I", masked_crc(length)), message, struct.pack("<I", masked_crc(message))])


def example_bytes(features: Mapping[str, bytes]) -> bytes:
    """A tf.train.Example of encoded features, in the order of their names."""
    entries = (_delimited(1, _delimited(1, name.encode()) + _delimited(2, features[name])) for name in sorted(features))
    return _delimited(1, b"".join(entries))


def bytes_feature(values: Iterable[bytes]) -> bytes:
    """A feature that is a list of bytes."""
    return _delimited(1, b"".join(_delimited(1, value) for value in values))


def float_feature(values: Sequence[float]) -> bytes:
    """A feature that is a list of floats, of 32 bits each."""
    return _delimited(2, _delimited(1, struct.pack(f"<{len(values)}f", *values)))


def integer_feature(values: Iterable[int]) -> bytes:
    """A feature that is a list of whole numbers."""
    return _delimited(3, _delimited(1, b"".join(map(_varint, values))))


def _delimited(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    """A whole number in groups of seven bits; a negative one as 64 bits."""
    number &= (1 << 64) - 1
    groups = bytearray()
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    groups.append(number)
    return bytes(groups)
