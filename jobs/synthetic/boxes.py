"""Boxes: V2's stay in V3, which adds many in train; coordinates in millionths, so that both write the same ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oilake.jobs.synthetic import pairs, text, zipf
from oilake.jobs.synthetic.pairs import Pairs
from oilake.jobs.synthetic.plan import SubsetCounts
from oilake.jobs.synthetic.release_rules import AFTER, BEFORE, load_rules

WHOLE = 1_000_000
SNAPPED = 0.05
RULES = load_rules().archives
SOURCES_BEFORE, SOURCES_AFTER = (RULES[release].box_sources for release in (BEFORE, AFTER))
DRAWN_FREELY, DRAWN_BY_CLICKS = (SOURCES_AFTER.index(source) for source in ("freeform", "xclick"))
ATTRIBUTE_SHARES = (0.45, 0.25, 0.06, 0.05, 0.01)


@dataclass(frozen=True)
class Boxes:
    """Boxes row for row, sorted as written in V3: pairs, source (of SOURCES_AFTER), whether V2 has it already.

    `sides`: XMin, XMax, YMin, YMax in millionths, shape (4, n). `attributes`: bits, one per attribute, shape (n,).
    """

    pairs: Pairs
    source: Pairs
    is_early: npt.NDArray[np.bool_]
    sides: Pairs
    attributes: Pairs


def draw_boxes(
    rng: np.random.Generator, counts: SubsetCounts, images: Pairs, popular: Pairs, forced: Pairs, place: Pairs
) -> Boxes:
    """The boxes of one subset's part: V2's on the first `boxed_before` of `images`, V3's on the first `boxed_after`.

    Every one of these images has a box, and each class of `forced` one in V2. `place`: a class's place in MID order.
    """
    c = counts
    first, later = images[: c.boxed_before], images[c.boxed_before : c.boxed_after]
    more = rng.choice(first, c.boxes_before - len(first))
    yet_more = rng.choice(images[: c.boxed_after], c.boxes_after - c.boxes_before - len(later))
    owners = np.concatenate([first, more, later, yet_more])
    codes = zipf.draw_codes(rng, popular, len(owners))
    codes[: len(forced)] = forced
    is_early = np.arange(len(owners)) < c.boxes_before
    source = _draw_sources(rng, is_early, drawn_only=c.boxes_before == c.boxes_after)
    order = np.argsort(((owners << 2 | source) << pairs.CLASS_BITS) | place[codes], kind="stable")
    shape = len(owners)
    return Boxes(
        pairs.pack(owners, codes)[order],
        source[order],
        is_early[order],
        draw_sides(rng, shape),
        draw_attributes(rng, shape),
    )


def _draw_sources(rng: np.random.Generator, is_early: npt.NDArray[np.bool_], drawn_only: bool) -> Pairs:
    if drawn_only:
        return np.where(rng.random(len(is_early)) < 0.95, DRAWN_FREELY, DRAWN_BY_CLICKS)
    return np.where(is_early, DRAWN_BY_CLICKS, np.where(rng.random(len(is_early)) < 0.45, 0, 2))


def draw_sides(rng: np.random.Generator, n: int) -> Pairs:
    """Boxes of any size; some reach to the image's edge."""
    extent = (0.02 + 0.98 * rng.random((2, n)) ** 1.6) * WHOLE
    start = rng.random((2, n)) * (WHOLE - extent)
    low, high = start.astype(np.int64), np.minimum(start + extent, WHOLE).astype(np.int64)
    low[rng.random((2, n), np.float32) < SNAPPED] = 0
    high[rng.random((2, n), np.float32) < SNAPPED] = WHOLE
    return np.stack([low[0], high[0], low[1], high[1]])


def draw_attributes(rng: np.random.Generator, n: int) -> Pairs:
    attribute_bits = np.zeros(n, np.int64)
    for bit, part in enumerate(ATTRIBUTE_SHARES):
        attribute_bits |= (rng.random(n, np.float32) < part).astype(np.int64) << bit
    return attribute_bits


@dataclass(frozen=True)
class BoxVocabulary:
    """What rows of boxes are put together from."""

    labels_before: pa.StringArray
    labels_after: pa.StringArray
    thousandths: pa.StringArray
    millionths: pa.StringArray
    attributes: pa.StringArray


def box_vocabulary(mids: list[str]) -> BoxVocabulary:
    """Sources with MIDs (by source, then class), coordinates by their value, attributes by their bits."""
    bits = [[n >> bit & 1 for bit in range(len(ATTRIBUTE_SHARES))] for n in range(1 << len(ATTRIBUTE_SHARES))]
    return BoxVocabulary(
        labels_before=pa.array([f",{source},{mid},1" for source in SOURCES_BEFORE for mid in mids]),
        labels_after=pa.array([f",{source},{mid},1" for source in SOURCES_AFTER for mid in mids]),
        thousandths=_fraction_texts(3),
        millionths=_fraction_texts(6),
        attributes=pa.array(["," + ",".join(map(str, row)) for row in bits]),
    )


def _fraction_texts(digits: int) -> pa.StringArray:
    """,0.000 to ,1.000 with that many digits."""
    values = np.arange(10**digits + 1)
    characters = np.full((len(values), digits + 3), ord("."), np.uint8)
    characters[:, 0] = ord(",")
    characters[:, 1] = ord("0") + values // 10**digits
    for n in range(digits):
        characters[:, 3 + n] = ord("0") + values // 10 ** (digits - 1 - n) % 10
    return text.fixed_width(characters)


def box_lines(
    ids: pa.StringArray, boxes: Boxes, words: BoxVocabulary, release: str, with_attributes: bool
) -> pa.StringArray:
    """Rows of one release; V2's train boxes have three decimals, all others six. `ids` by image number."""
    rows: Any = np.flatnonzero(boxes.is_early) if release == BEFORE else slice(None)
    rounded = RULES[release].rounds_train_boxes and not with_attributes
    sides = (boxes.sides[:, rows] + 500) // 1000 if rounded else boxes.sides[:, rows]
    fractions = words.thousandths if rounded else words.millionths
    labels = words.labels_before if release == BEFORE else words.labels_after
    source = 0 if release == BEFORE else boxes.source[rows]
    code = source * (len(words.labels_after) // len(SOURCES_AFTER)) + pairs.class_numbers(boxes.pairs[rows])
    parts = [text.pick(ids, pairs.image_numbers(boxes.pairs[rows])), text.pick(labels, code)]
    parts += [text.pick(fractions, side) for side in sides]
    if with_attributes:
        parts.append(text.pick(words.attributes, boxes.attributes[rows]))
    return text.join_columns(*parts, "\n")
