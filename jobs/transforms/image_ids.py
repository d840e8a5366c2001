"""Image IDs: a 64-bit number as 16 zero-padded lower-case hex digits (the V1 README, "Data organization")."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from quality import fixed_width

CANONICAL = "^[0-9a-f]{16}$"
REPAIRABLE = r"^(0[xX])?[0-9a-fA-F]{1,16}$"

Mask = npt.NDArray[np.bool_]


def normalize(values: pa.StringArray) -> tuple[pa.StringArray, Mask]:
    """(IDs with upper case, missing zeros and `0x` repaired, which were repaired); anything else stays as it is.

    `values`: strings of shape (n,), NULL stays NULL.
    """
    spec = fixed_width.spec(CANONICAL)
    assert spec is not None
    canonical = fixed_width.matches(values, *spec)
    if canonical.all():
        return values, ~canonical
    odd = np.flatnonzero(~canonical)
    repaired, changed = _repair(values.take(pa.array(odd)))
    repairs = np.zeros(len(values), np.bool_)
    repairs[odd] = changed
    return pc.replace_with_mask(values, pa.array(~canonical), repaired), repairs


def _repair(values: pa.StringArray) -> tuple[pa.StringArray, Mask]:
    repairable = pc.match_substring_regex(values, REPAIRABLE)
    digits = pc.replace_substring_regex(pc.ascii_lower(values), "^0x", "")
    padded = pc.ascii_lpad(digits, 16, "0")
    return pc.if_else(repairable, padded, values), np.asarray(repairable.to_numpy(zero_copy_only=False))
