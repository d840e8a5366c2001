"""MIDs in every spelling other tools use, to `/m/…` and `/g/…`; V7's own `/oi/m_…` stay."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oilake.jobs.transforms.spelled_ids import MID_SPELLINGS

CANONICAL = "^/(?:[mg]/|oi/m_)[0-9a-z_]*$"

Mask = npt.NDArray[np.bool_]


def normalize(values: pa.StringArray) -> tuple[pa.StringArray, Mask]:
    """(MIDs as `/m/…` or `/g/…`, which were spelled otherwise); what is no MID stays as it is.

    Read are `/M/0ABC`, `m.0abc`, `kg:/m/0abc` and `http://rdf.freebase.com/ns/m.0abc`. `values`: shape (n,), NULL stays.
    """
    usual = pc.fill_null(pc.match_substring_regex(values, CANONICAL), True)
    if pc.all(usual, min_count=0).as_py():
        return values, np.zeros(len(values), np.bool_)
    lowered = pc.ascii_lower(values)
    repairable = pc.and_(pc.invert(usual), pc.fill_null(pc.match_substring_regex(lowered, MID_SPELLINGS), False))
    spelled = pc.replace_substring_regex(lowered, MID_SPELLINGS, r"/\1/\2")
    return pc.if_else(repairable, spelled, values), np.asarray(repairable.to_numpy(zero_copy_only=False))


def freebase_ids(mids: pa.StringArray) -> pa.StringArray:
    """`/m/0abc` as Freebase's RDF writes it: `m.0abc`; shape (n,)."""
    return pc.replace_substring_regex(mids, r"^/([mg])/", r"\1.")
