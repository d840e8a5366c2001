"""Skewed draws by table look-up: a few classes are everywhere, most are rare."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SIZE = 1 << 20
FLATNESS, EXPONENT = 10, 1.3

Codes = npt.NDArray[np.int64]


def popularity_table(pool: Codes, flatness: float = FLATNESS) -> Codes:
    """`pool` in falling popularity -> SIZE entries, each class in proportion to (rank + flatness) ** -EXPONENT."""
    weights = (np.arange(len(pool)) + flatness + 1.0) ** -EXPONENT
    ends = np.cumsum(weights) / weights.sum()
    return pool[np.minimum(np.searchsorted(ends, (np.arange(SIZE) + 0.5) / SIZE), len(pool) - 1)]


def draw_codes(rng: np.random.Generator, popular: Codes, n: int) -> Codes:
    """n entries of a table."""
    return popular[rng.integers(0, len(popular), n, dtype=np.int32)]


def draw_weighted(rng: np.random.Generator, shares: tuple[float, ...], n: int) -> npt.NDArray[np.uint8]:
    """n codes 0, 1, …, each in its share (to the nearest 256th)."""
    ends = np.round(np.cumsum(shares) / sum(shares) * 256)
    return np.searchsorted(ends, np.arange(256), side="right").astype(np.uint8)[rng.integers(0, 256, n, dtype=np.uint8)]
