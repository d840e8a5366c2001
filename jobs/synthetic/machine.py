"""Machine labels: a dozen an image at most times, one of them on almost every image."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oilake.jobs.synthetic import pairs, text, zipf
from oilake.jobs.synthetic.pairs import Pairs

TOP = 0
TOP_SHARE = 0.964
# How often 1.0, 0.9, … 0.5: the higher, the rarer.
CONFIDENCES = ("1.0", "0.9", "0.8", "0.7", "0.6", "0.5")
SHARES = (0.04, 0.14, 0.17, 0.19, 0.22, 0.24)
RANK_BITS = 3


def draw(rng: np.random.Generator, popular: Pairs, images: int, rows: int, forced: Pairs) -> Pairs:
    """`rows` different (image, class) pairs, sorted, in which every one of `images` images and of `forced` occurs.

    `popular`: a table of all classes but the top one (see skew).
    """
    tops = rng.permutation(images)[: round(images * TOP_SHARE)]
    bare = np.setdiff1d(np.arange(images), tops, assume_unique=True)
    others = rng.choice(images, rows - images) if rows > images else np.empty(0, np.int64)
    owners = np.concatenate([bare, others])
    codes = zipf.draw(rng, popular, len(owners))
    codes[len(owners) - len(forced) :] = forced
    return np.sort(np.concatenate([pairs.pack(tops, np.full(len(tops), TOP)), _differing(rng, popular, owners, codes)]))


def _differing(rng: np.random.Generator, popular: Pairs, owners: Pairs, codes: Pairs) -> Pairs:
    """The pairs of owners and codes, second ones of the same image and class drawn anew."""
    found = np.sort(pairs.pack(owners, codes))
    while len(again := np.flatnonzero(found[1:] == found[:-1])):
        found[again] = (found[again] & ~pairs.CLASS_MASK) | zipf.draw(rng, popular, len(again))
        found.sort()
    return found


def ranked(rng: np.random.Generator, found: Pairs) -> Pairs:
    """The pairs with a confidence each, packed as image, confidence (highest first), class; sorted."""
    rank = zipf.weighted(rng, SHARES, len(found)).astype(np.int64)
    packed = (((found >> pairs.CLASS_BITS) << RANK_BITS | rank) << pairs.CLASS_BITS) | pairs.classes(found)
    return np.sort(packed)


def vocabulary(mids: list[str]) -> pa.StringArray:
    """All that may stand behind the image ID, with its line end; by confidence's rank, then class."""
    return pa.array([f",machine,{mid},{confidence}\n" for confidence in CONFIDENCES for mid in mids])


def lines(ids: pa.StringArray, packed: Pairs, words: pa.StringArray) -> pa.StringArray:
    """Rows of `ranked` pairs; `ids` by image number, `words` the vocabulary."""
    count = len(words) // len(CONFIDENCES)
    image = (packed >> (pairs.CLASS_BITS + RANK_BITS)).astype(np.int32)
    rank = (packed >> pairs.CLASS_BITS) & ((1 << RANK_BITS) - 1)
    return text.join(text.pick(ids, image), text.pick(words, (rank * count + pairs.classes(packed)).astype(np.int32)))


def renumbered(packed: Pairs, numbers: Pairs) -> Pairs:
    """`ranked` pairs with image n called numbers[n]; not sorted."""
    bits = pairs.CLASS_BITS + RANK_BITS
    owners: Pairs = numbers[packed >> bits]
    return (owners << bits) | (packed & ((1 << bits) - 1))


def unranked(packed: Pairs) -> Pairs:
    """The (image, class) pairs of `ranked` ones."""
    return pairs.pack(packed >> (pairs.CLASS_BITS + RANK_BITS), pairs.classes(packed))


def within(packed: Pairs, classes: npt.NDArray[np.bool_]) -> Pairs:
    """The `ranked` pairs whose class is in the mask."""
    found: Pairs = packed[classes[pairs.classes(packed)]]
    return found
