"""Published labels as integers that sort as their rows do: by image, MID, origin, confidence and source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oilake.jobs.transforms.class_vocabulary import Classes
from oilake.jobs.transforms.image_runs import Numbers, Runs

# Bits of a key: numpy sorts signed 64-bit integers.
WIDEST = 63
KIND_BITS = 2
TENTHS = np.arange(11) / 10

Integers = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Keys:
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


def keys(labels: Mapping[int, Runs], images: Numbers, classes: Classes) -> Keys:
    """The sorted keys of the rows of each kind; `images` and `classes` hold all of theirs."""
    parts = [labels[kind] for kind in sorted(labels)]
    spoken = frozenset(
        (kind, s) for kind in labels for c in labels[kind].rows["source"].chunks for s in c.dictionary.to_pylist()
    )
    sources = tuple(sorted({source for _, source in spoken}))
    levels, codes = _levels(np.concatenate([part.rows["confidence"].to_numpy() for part in parts]))
    level_bits, source_bits = width(len(levels)), width(len(sources))
    pairs = np.concatenate([pair_keys(part, images, classes) for part in parts])
    distinct = None
    tail = KIND_BITS + level_bits + source_bits
    if width(len(images)) + width(len(classes.mids)) + tail > WIDEST:
        distinct, pairs = np.unique(pairs, return_inverse=True)
    found = pairs << tail
    found |= np.repeat(np.array(sorted(labels)) << (level_bits + source_bits), [len(part.rows) for part in parts])
    found |= codes << source_bits
    if len(sources) > 1:
        found |= np.concatenate([_looked_up(part.rows["source"], sources) for part in parts])
    found.sort(kind="stable")  # the runs that are there already make this several times faster than the default
    return Keys(found, level_bits, source_bits, levels, sources, spoken, distinct)


def width(count: int) -> int:
    """Bits that tell `count` values apart."""
    return max(count - 1, 0).bit_length()


def pair_keys(part: Runs, images: Numbers, classes: Classes) -> Integers:
    """Of each row the place of its image in `images`, then that of its MID in `classes`, as one number."""
    places = np.searchsorted(images, part.images) << width(len(classes.mids))
    found = np.repeat(places, part.lengths)
    start = 0
    for chunk in part.rows["mid"].chunks:
        found[start : start + len(chunk)] |= classes.codes(chunk.dictionary)[chunk.indices.to_numpy()]
        start += len(chunk)
    return found


def _looked_up(column: pa.ChunkedArray, values: Sequence[str]) -> Integers:
    """Of each row of a dictionary column the place of its value in `values`."""
    places = {value: place for place, value in enumerate(values)}
    found = [
        np.array([places[v] for v in c.dictionary.to_pylist()], np.int64)[c.indices.to_numpy()] for c in column.chunks
    ]
    return np.concatenate(found)


def _levels(confidences: Doubles) -> tuple[Doubles, Integers]:
    """(distinct confidences, ascending; the place of each row's in them). Published ones are tenths, which need no sort."""
    tenths = np.rint(confidences * 10).astype(np.int64)
    if (TENTHS.take(tenths, mode="clip") == confidences).all():
        return TENTHS, tenths
    levels, places = np.unique(confidences, return_inverse=True)
    return levels, places
