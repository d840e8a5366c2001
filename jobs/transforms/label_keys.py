"""Published labels as integers that sort as their rows do: by image, MID, origin, confidence and source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oilake.jobs.transforms.class_vocabulary import ClassVocabulary
from oilake.jobs.transforms.image_runs import ImageRuns, Numbers
from oilake.jobs.transforms.release_diff import MISSING

# Bits of a key: numpy sorts signed 64-bit integers.
KEY_BITS = 63
KIND_BITS = 2
TENTHS = np.arange(11) / 10

Integers = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LabelKeys:
    """`sorted`: one key a row, shape (rows,); from the most significant bits on pair, kind, level and source.

    A pair is an image and a MID (see `pair_keys`), a kind the place of the origin in ORIGINS, a level the place of the
    confidence in `levels`, a source its place in `sources`; both ascend. `spoken`: every (kind, source) there is. `pairs`:
    distinct pairs, where a key holds only the place of the pair in it.
    """

    sorted: Integers
    level_bits: int
    source_bits: int
    levels: Doubles
    sources: tuple[str, ...]
    spoken: frozenset[tuple[int, str]]
    pairs: Integers | None


def build_keys(labels: Mapping[int, ImageRuns], images: Numbers, classes: ClassVocabulary) -> LabelKeys:
    """The sorted keys of the rows of each kind; `images` and `classes` hold all of theirs."""
    parts = [labels[kind] for kind in sorted(labels)]
    spoken = frozenset(
        (kind, s) for kind in labels for c in labels[kind].rows["source"].chunks for s in c.dictionary.to_pylist()
    )
    sources = tuple(sorted({source for _, source in spoken}))
    levels, codes = _confidence_levels(np.concatenate([part.rows["confidence"].to_numpy() for part in parts]))
    level_bits, source_bits = bit_width(len(levels)), bit_width(len(sources))
    pairs = np.concatenate([pair_keys(part, images, classes) for part in parts])
    distinct = None
    tail = KIND_BITS + level_bits + source_bits
    if bit_width(len(images)) + bit_width(len(classes.mids)) + tail > KEY_BITS:
        distinct, pairs = np.unique(pairs, return_inverse=True)
    packed = pairs << tail
    packed |= np.repeat(np.array(sorted(labels)) << (level_bits + source_bits), [len(part.rows) for part in parts])
    packed |= codes << source_bits
    if len(sources) > 1:
        packed |= np.concatenate([_value_codes(part.rows["source"], sources) for part in parts])
    packed.sort(kind="stable")  # the runs that are there already make this several times faster than the default
    return LabelKeys(packed, level_bits, source_bits, levels, sources, spoken, distinct)


def bit_width(count: int) -> int:
    """Bits that tell `count` values apart."""
    return max(count - 1, 0).bit_length()


def pair_keys(part: ImageRuns, images: Numbers, classes: ClassVocabulary, column: str = "mid") -> Integers:
    """Of each row the place of its image in `images`, then that of the MID in `column` in `classes`, as one number."""
    places = np.searchsorted(images, part.images) << bit_width(len(classes.mids))
    packed = np.repeat(places, part.lengths)
    start = 0
    for chunk in part.rows[column].chunks:
        packed[start : start + len(chunk)] |= classes.codes(chunk.dictionary)[chunk.indices.to_numpy()]
        start += len(chunk)
    return packed


def _value_codes(column: pa.ChunkedArray, values: Sequence[str]) -> Integers:
    """Of each row of a dictionary column the place of its value in `values`."""
    places = {value: place for place, value in enumerate(values)}
    codes = [
        np.array([places[v] for v in c.dictionary.to_pylist()], np.int64)[c.indices.to_numpy()] for c in column.chunks
    ]
    return np.concatenate(codes)


def _confidence_levels(confidences: Doubles) -> tuple[Doubles, Integers]:
    """(distinct confidences, ascending; the place of each row's in them). Published ones are tenths, which need no sort."""
    tenths = np.rint(confidences * 10).astype(np.int64)
    if (TENTHS.take(tenths, mode="clip") == confidences).all():
        return TENTHS, tenths
    levels, places = np.unique(confidences, return_inverse=True)
    return levels, places


def key_places(ascending: npt.NDArray[Any], keys: npt.NDArray[Any]) -> Integers:
    """The place of each key among the ascending ones; MISSING where it is not there."""
    if not len(ascending):
        return np.full(len(keys), MISSING)
    places = np.searchsorted(ascending, keys)
    return np.where(ascending.take(places, mode="clip") == keys, places, MISSING)


def run_starts(values: Integers) -> Integers:
    """Where each run of equal values begins."""
    new = np.empty(len(values), np.bool_)
    new[:1] = True
    np.not_equal(values[1:], values[:-1], out=new[1:])
    return np.flatnonzero(new)


def range_numbers(starts: Integers, stops: Integers) -> Integers:
    """The numbers from each start up to its stop."""
    lengths = stops - starts
    first = np.cumsum(lengths) - lengths
    return np.repeat(starts - first, lengths) + np.arange(lengths.sum())
