"""CRC-32C (Castagnoli) of bytes, many lanes at a time: what TFRecord files are checked by."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Registers = npt.NDArray[np.uint32]

POLYNOMIAL = 0x82F63B78
LANE_BYTES = 64
# Up to so many bytes a loop takes less time than lanes.
SMALL = 1 << 15
MASK_DELTA = 0xA282EAD8


def masked_crc(data: bytes) -> int:
    """The checksum as TFRecord files hold it: turned by 15 bits, and a constant added."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + MASK_DELTA) & 0xFFFFFFFF


def crc32c(data: bytes) -> int:
    """The checksum of bytes: of few, byte after byte; of many, in lanes."""
    if len(data) > SMALL:
        return _crc_in_lanes(data)
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _NUMBERS[crc & 0xFF ^ byte] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


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
_BITS = np.uint32(1) << np.arange(32, dtype=np.uint32)
