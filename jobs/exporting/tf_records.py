"""TFRecord files of tf.train.Example messages, written without TensorFlow."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence

from oilake.jobs.exporting.crc32c import masked_crcs

# Tags of protocol buffers: the number of a field, and that its length stands before it.
FIELD_1, FIELD_2, FIELD_3 = (bytes([number << 3 | 2]) for number in (1, 2, 3))


def record_texts(messages: Sequence[bytes]) -> Iterator[bytes]:
    """Yield the records of a TFRecord file, one a message: length, its checksum, the message, its checksum."""
    lengths = [struct.pack("<Q", len(message)) for message in messages]
    checksums = (masked_crcs(texts).astype("<u4") for texts in (lengths, messages))
    for length, message, *crcs in zip(lengths, messages, *checksums, strict=True):
        yield b"".join([length, crcs[0].tobytes(), message, crcs[1].tobytes()])


def example_bytes(features: Mapping[str, bytes]) -> bytes:
    """A tf.train.Example of encoded features, in the order of their names."""
    entries = (
        delimited_field(FIELD_1, delimited_field(FIELD_1, name.encode()) + delimited_field(FIELD_2, features[name]))
        for name in sorted(features)
    )
    return delimited_field(FIELD_1, b"".join(entries))


def bytes_feature(items: bytes) -> bytes:
    """A feature that is a list of bytes, each of which was made by `bytes_item`."""
    return delimited_field(FIELD_1, items)


def bytes_item(value: bytes) -> bytes:
    """One value of a list of bytes."""
    return delimited_field(FIELD_1, value)


def float_feature(values: bytes) -> bytes:
    """A feature that is a list of floats, given as little-endian floats of 32 bits."""
    return delimited_field(FIELD_2, delimited_field(FIELD_1, values))


def integer_feature(items: bytes) -> bytes:
    """A feature that is a list of whole numbers, each of which was made by `varint`."""
    return delimited_field(FIELD_3, delimited_field(FIELD_1, items))


def delimited_field(tag: bytes, content: bytes) -> bytes:
    """A field of protocol buffers: tag, length, content."""
    length = len(content)
    return tag + (_SMALL[length] if length < len(_SMALL) else varint(length)) + content


def varint(number: int) -> bytes:
    """A whole number in groups of seven bits; a negative one as 64 bits."""
    number &= (1 << 64) - 1
    groups = bytearray()
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    groups.append(number)
    return bytes(groups)


_SMALL = [varint(length) for length in range(1 << 12)]
