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


def draw_pairs(rng: np.random.Generator, popular: Pairs, images: int, rows: int, forced: Pairs) -> Pairs:
    """`rows` different (image, class) pairs, sorted, in which every one of `images` images and of `forced` occurs.

    `popular`: a table of all classes but the top one (see skew).
    """
    tops = rng.permutation(images)[: round(images * TOP_SHARE)]
    bare = np.setdiff1d(np.arange(images), tops, assume_unique=True)
    more_owners = rng.choice(images, rows - images) if rows > images else np.empty(0, np.int64)
    owners = np.concatenate([bare, more_owners])
    codes = zipf.draw_codes(rng, popular, len(owners))
    codes[len(owners) - len(forced) :] = forced
    return np.sort(
        np.concatenate([pairs.pack(tops, np.full(len(tops), TOP)), _redraw_repeated(rng, popular, owners, codes)])
    )


def _redraw_repeated(rng: np.random.Generator, popular: Pairs, owners: Pairs, codes: Pairs) -> Pairs:
    """The pairs of owners and codes, second ones of the same image and class drawn anew."""
    drawn = np.sort(pairs.pack(owners, codes))
    while len(repeated := np.flatnonzero(drawn[1:] == drawn[:-1])):
        drawn[repeated] = (drawn[repeated] & ~pairs.CLASS_MASK) | zipf.draw_codes(rng, popular, len(repeated))
        drawn.sort()
    return drawn


def ranked(rng: np.random.Generator, label_pairs: Pairs) -> Pairs:
    """The pairs with a confidence each, packed as image, confidence (highest first), class; sorted."""
    rank = zipf.draw_weighted(rng, SHARES, len(label_pairs)).astype(np.int64)
    packed = (((label_pairs >> pairs.CLASS_BITS) << RANK_BITS | rank) << pairs.CLASS_BITS) | pairs.class_numbers(
        label_pairs
    )
    return np.sort(packed)


def machine_vocabulary(mids: list[str]) -> pa.StringArray:
    """All that may stand behind the image ID, with its line end; by confidence's rank, then class."""
    return pa.array([f",machine,{mid},{confidence}\n" for confidence in CONFIDENCES for mid in mids])


def machine_lines(ids: pa.StringArray, packed: Pairs, words: pa.StringArray) -> pa.StringArray:
    """Rows of `ranked` pairs; `ids` by image number, `words` the vocabulary."""
    count = len(words) // len(CONFIDENCES)
    image = (packed >> (pairs.CLASS_BITS + RANK_BITS)).astype(np.int32)
    rank = (packed >> pairs.CLASS_BITS) & ((1 << RANK_BITS) - 1)
    return text.join_columns(
        text.pick(ids, image), text.pick(words, (rank * count + pairs.class_numbers(packed)).astype(np.int32))
    )


def renumber_images(packed: Pairs, numbers: Pairs) -> Pairs:
    """`ranked` pairs with image n called numbers[n]; not sorted."""
    bits = pairs.CLASS_BITS + RANK_BITS
    owners: Pairs = numbers[packed >> bits]
    return (owners << bits) | (packed & ((1 << bits) - 1))


def without_confidence(packed: Pairs) -> Pairs:
    """The (image, class) pairs of `ranked` ones."""
    return pairs.pack(packed >> (pairs.CLASS_BITS + RANK_BITS), pairs.class_numbers(packed))


def pairs_of_classes(packed: Pairs, classes: npt.NDArray[np.bool_]) -> Pairs:
    """The `ranked` pairs whose class is in the mask."""
    kept_pairs: Pairs = packed[classes[pairs.class_numbers(packed)]]
    return kept_pairs
