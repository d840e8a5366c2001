"""CRC-32C (Castagnoli) of bytes: what TFRecord files are checked by. Many lanes of one text or many texts at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Registers = npt.NDArray[np.uint32]

POLYNOMIAL = 0x82F63B78
LANE_BYTES = 64
# Up to so many bytes a loop takes less time than lanes.
SMALL = 1 << 15
# To begin with ones is to turn so many bytes over.
MARKED_BYTES = 4
TEXTS_AT_ONCE = 2048
MASK_DELTA = 0xA282EAD8


def masked_crcs(texts: Sequence[bytes]) -> Registers:
    """The checksums of many texts as TFRecord files hold them: turned by 15 bits, and a constant added; shape (texts,)."""
    lengths = np.array([len(text) for text in texts], np.int64)
    crcs = np.zeros(len(texts), np.uint32)
    is_small = (lengths >= MARKED_BYTES) & (lengths <= SMALL)
    small = np.flatnonzero(is_small)
    small = small[np.argsort(lengths[small], kind="stable")]
    for start in range(0, len(small), TEXTS_AT_ONCE):
        places = small[start : start + TEXTS_AT_ONCE]
        crcs[places] = _crcs_side_by_side([texts[place] for place in places.tolist()])
    for place in np.flatnonzero(~is_small).tolist():
        crcs[place] = crc32c(texts[place])
    return (crcs >> np.uint32(15) | crcs << np.uint32(17)) + np.uint32(MASK_DELTA)


def crc32c(data: bytes) -> int:
    """The checksum of bytes: of few, byte after byte; of many, in lanes."""
    if len(data) > SMALL:
        return _crc_in_lanes(data)
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _NUMBERS[crc & 0xFF ^ byte] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _crcs_side_by_side(texts: Sequence[bytes]) -> Registers:
    """The checksums of texts of at least MARKED_BYTES and of about one length, two bytes at a step.

    Zeros in front, over which a register that begins with 0 stays 0, make them of one length.
    """
    length = -(-max(map(len, texts)) // 2) * 2
    padded = np.frombuffer(b"".join(text.rjust(length, b"\0") for text in texts), np.uint8).reshape(-1, length).copy()
    first = length - np.array([len(text) for text in texts])
    for place in range(MARKED_BYTES):
        padded[np.arange(len(texts)), first + place] ^= 0xFF
    registers = np.zeros(len(texts), np.uint32)
    for pair in np.ascontiguousarray(padded.view("<u2").T):
        registers = _PAIR_TABLE[(registers ^ pair) & np.uint32(0xFFFF)] ^ (registers >> np.uint32(16))
    return ~registers


def _crc_in_lanes(data: bytes) -> int:
    """The checksum of at least four bytes.

    A register that begins with 0 stays 0 over zeros, so zeros in front make lanes of one length; to begin with ones is to
    turn the first four bytes over. The registers of neighbouring lanes are brought together two by two.
    """
    lanes = 1 << (len(data) // LANE_BYTES).bit_length()
    length = -(-len(data) // lanes)
    padded = np.zeros(lanes * length, np.uint8)
    padded[-len(data) :] = np.frombuffer(data, np.uint8)
    padded[-len(data) :][:4] ^= 0xFF
    registers = np.zeros(lanes, np.uint32)
    for column in padded.reshape(lanes, length).T:
        registers = _TABLE[(registers ^ column) & 0xFF] ^ (registers >> np.uint32(8))
    shift = _shift_over(length)
    while len(registers) > 1:
        registers = _shifted(shift, registers[0::2]) ^ registers[1::2]
        shift = _shifted(shift, shift)
    return int(registers[0]) ^ 0xFFFFFFFF


def _byte_table() -> Registers:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> np.uint32(1) ^ np.uint32(POLYNOMIAL), table >> np.uint32(1))
    return table


def _pair_table() -> Registers:
    """What a register becomes over two bytes, by its low 16 bits."""
    register = np.arange(1 << 16, dtype=np.uint32)
    for _ in range(2):
        register = _TABLE[register & np.uint32(0xFF)] ^ (register >> np.uint32(8))
    return register


def _shifted(shift: Registers, registers: Registers) -> Registers:
    """What registers become over zeros; `shift`: what each of the 32 bits becomes alone."""
    result = np.zeros_like(registers)
    for bit in range(32):
        result ^= np.where(registers >> np.uint32(bit) & np.uint32(1), shift[bit], np.uint32(0))
    return result


def _shift_over(length: int) -> Registers:
    """What each bit of a register becomes over so many zero bytes."""
    power = _TABLE[_BITS & np.uint32(0xFF)] ^ (_BITS >> np.uint32(8))
    result = _BITS
    while length:
        if length & 1:
            result = _shifted(power, result)
        power, length = _shifted(power, power), length >> 1
    return result


_TABLE = _byte_table()
_NUMBERS = _TABLE.tolist()
_PAIR_TABLE = _pair_table()
_BITS = np.uint32(1) << np.arange(32, dtype=np.uint32)
