"""How far predicted masks and published ones overlap, pixel by pixel, each picture unfolded when its turn comes."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from oilake.jobs.blobs.mask_pictures import Foreground, scale_mask
from oilake.jobs.evaluating.truth_matching import MarkOverlaps
from oilake.jobs.transforms.label_keys import Doubles, Integers

# Published masks of one image and class that are kept unfolded; a detection meets them one after the other.
KEPT_PICTURES = 32

ReadMask = Callable[[int], Foreground]


def mask_overlaps(read_claim: ReadMask, read_mark: ReadMask) -> MarkOverlaps:
    """Return the overlaps of masks, each read by its place; pairs that share one stand together."""
    claim_of, mark_of = lru_cache(1)(read_claim), lru_cache(KEPT_PICTURES)(read_mark)

    def shares(left: Integers, right: Integers, is_own: bool) -> Doubles:
        pairs = zip(left.tolist(), right.tolist(), strict=True)
        values = [pixel_share(claim_of(claim), mark_of(mark), is_own) for claim, mark in pairs]
        return np.array(values, np.float64)

    return MarkOverlaps(lambda left, right: shares(left, right, False), lambda left, right: shares(left, right, True))


def pixel_share(claim: Foreground, mark: Foreground, is_own: bool) -> float:
    """Return the shared pixels over those of either mask, or over the claim's own; 0 to 1.

    Masks have resolutions of their own: the mark is taken in the claim's.
    """
    scaled = scale_mask(mark, *claim.shape)
    shared = np.count_nonzero(claim & scaled)
    whole = np.count_nonzero(claim if is_own else claim | scaled)
    return shared / whole if whole else 0.0
