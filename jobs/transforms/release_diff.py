"""Two releases side by side: which rows of the one meet which of the other, by keys that ascend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

FROM, TO = "from", "to"
# Where a row has no counterpart: the place of NULL.
MISSING = -1

Keys = npt.NDArray[Any]
Places = npt.NDArray[np.int64]
# All rows of a side are a slice, which copies nothing; some of them are their places.
ChosenRows = Places | slice


@dataclass(frozen=True)
class MatchedRows:
    """Rows of two subsets that have the same keys: in each subset their places, in the same order."""

    before: str
    after: str
    left: ChosenRows
    right: ChosenRows


def side_name(role: str, subset: str) -> str:
    """The name of one side: FROM or TO, and a subset."""
    return f"{role} {subset}"


def side_subsets(names: Iterator[str] | Mapping[str, Any], role: str) -> list[str]:
    """The subsets of the sides with this role, sorted."""
    return sorted(name.partition(" ")[2] for name in names if name.startswith(f"{role} "))


def match_rows(
    before: Mapping[str, Keys], after: Mapping[str, Keys]
) -> tuple[list[MatchedRows], dict[str, Places], dict[str, Places]]:
    """(rows that meet, the places of those that only `before` has, of those that only `after` has), the latter by subset.

    Keys by subset, each ascending. Rows of the same subset meet first, and what is left meets across subsets: most images
    stay where they are.
    """
    matched = []
    left = {subset: np.arange(len(keys)) for subset, keys in before.items() if subset not in after}
    right = {subset: np.arange(len(keys)) for subset, keys in after.items() if subset not in before}
    for subset in [subset for subset in before if subset in after]:
        pairs = common_rows(before[subset], after[subset])
        matched.append(MatchedRows(subset, subset, *pairs))
        left[subset], right[subset] = (
            _remaining_rows(before[subset], pairs[0]),
            _remaining_rows(after[subset], pairs[1]),
        )
    for old in before:
        for new in after:
            if len(left[old]) and len(right[new]) and old != new:
                pairs = common_rows(before[old][left[old]], after[new][right[new]])
                matched.append(MatchedRows(old, new, left[old][pairs[0]], right[new][pairs[1]]))
                left[old] = left[old][_remaining_rows(left[old], pairs[0])]
                right[new] = right[new][_remaining_rows(right[new], pairs[1])]
    return matched, left, right


def common_rows(before: Keys, after: Keys) -> tuple[ChosenRows, ChosenRows]:
    """The places of the keys that both have, ascending; of a key that one of them repeats only the first."""
    if np.array_equal(before, after):
        return slice(None), slice(None)
    if not len(before) or not len(after):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    places = np.searchsorted(after, before)
    hit = after.take(places, mode="clip") == before
    hit[1:] &= before[1:] != before[:-1]
    return np.flatnonzero(hit), places[hit]


def _remaining_rows(keys: Keys, chosen: ChosenRows) -> Places:
    """The places that are not among the chosen ones, ascending."""
    left = np.ones(len(keys), np.bool_)
    left[chosen] = False
    return np.flatnonzero(left)


def dictionary_column(places: npt.NDArray[np.generic], values: pa.Array) -> pa.DictionaryArray:
    """The values at `places`, shape (rows,); NULL at MISSING."""
    codes = places.astype(np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes == MISSING), values, safe=False)


def name_lists(bits: Places, names: Sequence[str]) -> pa.ListArray:
    """For each row the names whose bits are set, in their order; `bits`: shape (rows,)."""
    is_set = (bits[:, None] >> np.arange(len(names))) & 1
    offsets = np.zeros(len(bits) + 1, np.int32)
    np.cumsum(is_set.sum(axis=1), out=offsets[1:])
    return pa.ListArray.from_arrays(
        pa.array(offsets), pa.array(names, pa.string()).take(pa.array(np.nonzero(is_set)[1]))
    )
