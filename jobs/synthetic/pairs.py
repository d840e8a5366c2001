"""(image, class) pairs as one integer each, and exact numbers of different ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

CLASS_BITS = 15
CLASS_MASK = (1 << CLASS_BITS) - 1

Pairs = npt.NDArray[np.int64]


def pack(images: Pairs, classes: Pairs) -> Pairs:
    """Image numbers and class numbers (below 2**15) -> pairs; they sort by image."""
    return (images << CLASS_BITS) | classes


def image_numbers(pairs: Pairs) -> Pairs:
    """The image numbers of pairs."""
    return pairs >> CLASS_BITS


def class_numbers(pairs: Pairs) -> Pairs:
    """The class numbers of pairs."""
    return pairs & CLASS_MASK


def draw_fresh(rng: np.random.Generator, draw: Callable[[int], Pairs], n: int, taken: Pairs) -> Pairs:
    """n different pairs from `draw`, none of them in `taken`, in random order."""
    assert n >= 0
    if n == 0:
        return np.empty(0, np.int64)
    drawn = np.empty(0, np.int64)
    while len(drawn) < n:
        more = draw(n - len(drawn) + n // 8 + 8)
        drawn = without(np.unique(np.concatenate([drawn, more])), taken)
    return rng.permutation(drawn)[:n]


def without(values: Pairs, taken: Pairs) -> Pairs:
    """The values that are not among `taken`."""
    return values[~isin(values, taken)]


def isin(values: Pairs, taken: Pairs) -> npt.NDArray[np.bool_]:
    """Which values are among `taken`."""
    if len(taken) == 0:
        return np.zeros(len(values), np.bool_)
    ordered = np.sort(taken)
    at = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    return np.asarray(ordered[at] == values)


def one_each(rng: np.random.Generator, codes: Pairs, among: Pairs, taken: Pairs) -> Pairs:
    """A pair for each class of `codes` with some image of `among`, none of them in `taken`."""
    drawn = pack(rng.choice(among, len(codes)), codes)
    while (bad := isin(drawn, taken)).any():
        drawn[bad] = pack(rng.choice(among, int(bad.sum())), codes[bad])
    return drawn
