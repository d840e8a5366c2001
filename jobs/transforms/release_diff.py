"""Two releases side by side: which rows of the one meet which of the other, by keys that ascend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FROM, TO = "from", "to"

Keys = npt.NDArray[Any]
Places = npt.NDArray[np.int64]
# All rows of a side are a slice, which copies nothing; some of them are their places.
Chosen = Places | slice


@dataclass(frozen=True)
class Met:
    """Rows of two subsets that have the same keys: in each subset their places, in the same order."""

    before: str
    after: str
    left: Chosen
    right: Chosen


def side(role: str, subset: str) -> str:
    """The name of one side: FROM or TO, and a subset."""
    return f"{role} {subset}"


def subsets(names: Iterator[str] | Mapping[str, Any], role: str) -> list[str]:
    """The subsets of the sides with this role, sorted."""
    return sorted(name.partition(" ")[2] for name in names if name.startswith(f"{role} "))


def meet(
    before: Mapping[str, Keys], after: Mapping[str, Keys]
) -> tuple[list[Met], dict[str, Places], dict[str, Places]]:
    """(rows that meet, the places of those that only `before` has, of those that only `after` has), the latter by subset.

    Keys by subset, each ascending. Rows of the same subset meet first, and what is left meets across subsets: most images
    stay where they are.
    """
    found = []
    left = {subset: np.arange(len(keys)) for subset, keys in before.items() if subset not in after}
    right = {subset: np.arange(len(keys)) for subset, keys in after.items() if subset not in before}
    for subset in [subset for subset in before if subset in after]:
        pairs = same(before[subset], after[subset])
        found.append(Met(subset, subset, *pairs))
        left[subset], right[subset] = _rest(before[subset], pairs[0]), _rest(after[subset], pairs[1])
    for old in before:
        for new in after:
            if len(left[old]) and len(right[new]) and old != new:
                pairs = same(before[old][left[old]], after[new][right[new]])
                found.append(Met(old, new, left[old][pairs[0]], right[new][pairs[1]]))
                left[old] = left[old][_rest(left[old], pairs[0])]
                right[new] = right[new][_rest(right[new], pairs[1])]
    return found, left, right


def same(before: Keys, after: Keys) -> tuple[Chosen, Chosen]:
    """The places of the keys that both have, ascending; of a key that one of them repeats only the first."""
    if np.array_equal(before, after):
        return slice(None), slice(None)
    if not len(before) or not len(after):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    places = np.searchsorted(after, before)
    hit = after.take(places, mode="clip") == before
    hit[1:] &= before[1:] != before[:-1]
    return np.flatnonzero(hit), places[hit]


def _rest(keys: Keys, chosen: Chosen) -> Places:
    """The places that are not among the chosen ones, ascending."""
    left = np.ones(len(keys), np.bool_)
    left[chosen] = False
    return np.flatnonzero(left)
