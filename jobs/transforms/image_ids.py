"""Image IDs: a 64-bit number as 16 zero-padded lower-case hex digits (the V1 README, "Data organization")."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oilake.conf.registry import IdForm
from oilake.jobs.transforms.spelled_ids import AMBIGUOUS_ID, IMAGE_ID, REPAIRABLE_ID
from oilake.quality import fixed_width
from oilake.quality.row_expectations import numpy_mask

DECIMAL = "^[0-9]+$"
LARGEST_DECIMAL = str(2**64 - 1)

LOW_BITS, ONES = np.uint64(0x0F0F0F0F0F0F0F0F), np.uint64(0x0101010101010101)
# The two hexadecimal digits of each byte, side by side in memory.
TWO_DIGITS = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), np.uint16)

Mask = npt.NDArray[np.bool_]


def normalize(values: pa.StringArray, form: IdForm | None = None) -> tuple[pa.StringArray, Mask]:
    """(IDs with upper case, missing zeros and `0x` repaired, which were repaired); anything else stays as it is.

    `values`: strings of shape (n,), NULL stays NULL. `form`: how they are known to be written. Of `decimal` ones the 64-bit
    number counts, and what is none becomes NULL. Where no form is known, fewer than 16 digits without a letter could be
    either, and become NULL.
    """
    if form == "decimal":
        return _from_decimals(values)
    canonical = are_canonical(values)
    if canonical.all():
        return values, ~canonical
    odd = np.flatnonzero(~canonical)
    repaired, changed = _repair_ids(values.take(pa.array(odd)), is_hex=form == "hex")
    repairs = np.zeros(len(values), np.bool_)
    repairs[odd] = changed
    return pc.replace_with_mask(values, pa.array(~canonical), repaired), repairs


def are_canonical(values: pa.StringArray) -> Mask:
    """Which values are canonical IDs, or NULL; shape (n,)."""
    spec = fixed_width.class_and_length(IMAGE_ID)
    assert spec is not None
    return fixed_width.match_fixed_width(values, *spec)


def unread_reason(form: IdForm | None) -> str:
    """Why a value became NULL that `normalize` was given with this form."""
    return "invalid_image_id" if form else "ambiguous_image_id"


def _repair_ids(values: pa.StringArray, is_hex: bool) -> tuple[pa.StringArray, Mask]:
    repairable = pc.match_substring_regex(values, REPAIRABLE_ID)
    digits = pc.replace_substring_regex(pc.ascii_lower(values), "^0x", "")
    padded = pc.if_else(repairable, pc.ascii_lpad(digits, 16, "0"), values)
    if is_hex:
        return padded, numpy_mask(repairable)
    ambiguous = pc.match_substring_regex(values, AMBIGUOUS_ID)
    return pc.if_else(ambiguous, None, padded), numpy_mask(pc.and_not(repairable, ambiguous))


def _from_decimals(values: pa.StringArray) -> tuple[pa.StringArray, Mask]:
    digits = pc.ascii_ltrim(values, "0")
    length = pc.binary_length(digits)
    fits = pc.or_(
        pc.less(length, len(LARGEST_DECIMAL)),
        pc.and_(pc.equal(length, len(LARGEST_DECIMAL)), pc.less_equal(digits, LARGEST_DECIMAL)),
    )
    readable = pc.fill_null(pc.and_(pc.match_substring_regex(values, DECIMAL), fits), False)
    numbers = pc.cast(
        pc.if_else(pc.and_(readable, pc.fill_null(pc.greater(length, 0), False)), digits, "0"), pa.uint64()
    )
    ids = pc.if_else(readable, as_ids(numbers.to_numpy()), None)
    return ids, numpy_mask(pc.fill_null(pc.not_equal(ids, values), False))


def as_numbers(image_ids: pa.StringArray) -> npt.NDArray[np.uint64]:
    """Canonical image IDs of shape (n,) as unsigned 64-bit numbers."""
    digits = np.frombuffer(image_ids.buffers()[2] or b"", np.uint8)
    start = np.frombuffer(image_ids.buffers()[1], np.int32, 1, image_ids.offset * 4)[0] if len(image_ids) else 0
    # Eight digits at once in one integer: a letter has the bit 64 and is worth 9 more than its low four bits.
    eight = digits[start : start + 16 * len(image_ids)].view(">u8").astype(np.uint64)
    eight = (eight & LOW_BITS) + ((eight >> np.uint64(6)) & ONES) * np.uint64(9)
    for shift, kept_bits in ((4, 0x00FF00FF00FF00FF), (8, 0x0000FFFF0000FFFF), (16, 0x00000000FFFFFFFF)):
        eight = (eight | (eight >> np.uint64(shift))) & np.uint64(kept_bits)
    return (eight[0::2] << np.uint64(32)) | eight[1::2]


def as_ids(numbers: npt.NDArray[np.uint64]) -> pa.StringArray:
    """Unsigned 64-bit numbers of shape (n,) as canonical image IDs."""
    digits = TWO_DIGITS.take(numbers.astype(">u8").view(np.uint8))
    offsets = np.arange(0, 16 * len(numbers) + 1, 16, dtype=np.int32)
    return pa.StringArray.from_buffers(len(numbers), pa.py_buffer(offsets), pa.py_buffer(digits))
