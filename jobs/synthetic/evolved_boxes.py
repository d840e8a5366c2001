"""Boxes from one release to the next: more of them, redrawn ones, extreme clicks; and their rows as text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oilake.jobs.synthetic import boxes, pairs, text
from oilake.jobs.synthetic.boxes import SOURCES_AFTER, WHOLE, Boxes, BoxVocabulary
from oilake.jobs.synthetic.pairs import Pairs
from oilake.jobs.synthetic.release_rules import BoxRules

ATTRIBUTES_UNKNOWN = ",-1,-1,-1,-1,-1"
DRAWN, PROPOSED = SOURCES_AFTER.index("xclick"), SOURCES_AFTER.index("activemil")
JITTER, FAR_JITTER, FAR_SHARE = 0.03, 0.5, 0.04
LEAST_EXTENT = 0.004
CORNERS = 4

Sides = npt.NDArray[np.float64]


@dataclass(frozen=True)
class EvolvedBoxes:
    """Boxes row for row as written: pairs, sources (of SOURCES_AFTER), sides (XMin, XMax, YMin, YMax) of shape (4, n).

    `attributes`: bits, one an attribute, or -1 where none is known; `clicks`: shape (8, n), four x and then four y, NaN
    where a box was not clicked; None where the release has no clicks.
    """

    pairs: Pairs
    source: Pairs
    sides: Sides
    attributes: Pairs
    clicks: Sides | None = None

    def take(self, rows: npt.NDArray[np.bool_] | Pairs) -> EvolvedBoxes:
        """Some of the rows."""
        clicks = None if self.clicks is None else self.clicks[:, rows]
        return EvolvedBoxes(self.pairs[rows], self.source[rows], self.sides[:, rows], self.attributes[rows], clicks)


def first_boxes(drawn: Boxes) -> EvolvedBoxes:
    """V3's boxes."""
    return EvolvedBoxes(drawn.pairs, drawn.source, drawn.sides / WHOLE, drawn.attributes)


def evolve_boxes(
    rng: np.random.Generator, before: EvolvedBoxes, pairs_added: Pairs, target: int, rules: BoxRules, place: Pairs
) -> EvolvedBoxes:
    """The next release's boxes: one at least for each of `pairs_added`, `target` in all where that is possible."""
    kept = before.take(_staying_rows(rng, before.pairs, rules.removed))
    redrawn = np.full(len(kept.pairs), rules.redrawn)
    redrawn |= np.isin(kept.source, [SOURCES_AFTER.index(source) for source in rules.redrawn_sources])
    sides, source = kept.sides.copy(), kept.source.copy()
    sides[:, redrawn] = redraw_boxes(rng, sides[:, redrawn])
    source[redrawn] = DRAWN
    count = max(0, target - len(kept.pairs) - len(pairs_added))
    boxed = np.concatenate([kept.pairs, pairs_added])
    added = np.concatenate([pairs_added, boxed[rng.integers(0, len(boxed), count)]])
    new_source = np.where(rng.random(len(added), np.float32) < rules.drawn, DRAWN, PROPOSED)
    all_pairs, all_sources = np.concatenate([kept.pairs, added]), np.concatenate([source, new_source])
    attributes = np.concatenate([kept.attributes, boxes.draw_attributes(rng, len(added))])
    attributes[rng.random(len(attributes), np.float32) < rules.unknown_attributes] = -1
    all_sides = np.concatenate([sides, boxes.draw_sides(rng, len(added)) / WHOLE], axis=1)
    all_sides = _as_floats(rng, all_sides) if rules.redrawn else np.round(all_sides, 6)
    if rules.spelled_source:
        all_sources = np.full(len(all_pairs), SOURCES_AFTER.index(rules.spelled_source))
    rows = EvolvedBoxes(all_pairs, all_sources, all_sides, attributes, _clicks(rng, all_sides, all_sources, rules))
    image, code = pairs.image_numbers(all_pairs), pairs.class_numbers(all_pairs)
    return rows.take(np.argsort(((image << 2 | all_sources) << pairs.CLASS_BITS) | place[code], kind="stable"))


def _staying_rows(rng: np.random.Generator, boxed: Pairs, removed: float) -> npt.NDArray[np.bool_]:
    """All but the removed share; the first box of every pair stays."""
    stays: npt.NDArray[np.bool_] = rng.random(len(boxed), np.float32) >= removed
    stays[np.unique(boxed, return_index=True)[1]] = True
    return stays


def redraw_boxes(rng: np.random.Generator, sides: Sides) -> Sides:
    """Each box drawn anew: most of them nearly where they were, a few elsewhere."""
    count = sides.shape[1]
    spread = np.where(rng.random(count, np.float32) < FAR_SHARE, FAR_JITTER, JITTER)
    redrawn = []
    for low, high in (sides[:2], sides[2:]):
        moved = np.stack([low, high]) + rng.normal(0, 1, (2, count)) * spread * (high - low + LEAST_EXTENT)
        new_low = np.clip(np.minimum(moved[0], moved[1]), 0, 1 - LEAST_EXTENT)
        redrawn += [new_low, np.clip(np.maximum(moved[0], moved[1]), new_low + LEAST_EXTENT, 1)]
    return np.stack(redrawn)


def _as_floats(rng: np.random.Generator, sides: Sides) -> Sides:
    """The sides as floats of 32 bits, none so small that its text needs an exponent."""
    moved = np.clip(sides + (rng.random(sides.shape) - 0.5) / WHOLE, 0, 1)
    moved[sides == 1] = 1
    moved[moved < LEAST_EXTENT / 4] = 0
    return moved.astype(np.float32).astype(np.float64)


def _clicks(rng: np.random.Generator, sides: Sides, source: Pairs, rules: BoxRules) -> Sides | None:
    """Four points, one on each side, in any order."""
    if not rules.clicked:
        return None
    count = sides.shape[1]
    x_min, x_max, y_min, y_max = np.round(sides * WHOLE).astype(np.int64)
    along = rng.random((4, count))
    x = np.stack([x_min + (along[0] * (x_max - x_min)), x_min, x_min + along[1] * (x_max - x_min), x_max])
    y = np.stack([y_min, y_min + along[2] * (y_max - y_min), y_max, y_min + along[3] * (y_max - y_min)])
    order = rng.permuted(np.tile(np.arange(CORNERS), (count, 1)), axis=1).T
    points: Sides = np.concatenate([np.take_along_axis(x, order, axis=0), np.take_along_axis(y, order, axis=0)])
    points = np.floor(points).astype(np.float64) / WHOLE
    points[:, source != DRAWN] = np.nan
    return points


def box_lines(ids: pa.StringArray, rows: EvolvedBoxes, words: BoxVocabulary, shortest: bool) -> pa.StringArray:
    """Rows as text; sides with six decimals or (`shortest`) as the shortest float of 32 bits."""
    code = rows.source * (len(words.labels_after) // len(SOURCES_AFTER)) + pairs.class_numbers(rows.pairs)
    parts = [text.pick(ids, pairs.image_numbers(rows.pairs)), text.pick(words.labels_after, code)]
    parts += [_shortest_floats(side) if shortest else six_decimals(words, side) for side in rows.sides]
    attributes = pa.concat_arrays([words.attributes, pa.array([ATTRIBUTES_UNKNOWN])])
    parts.append(text.pick(attributes, np.where(rows.attributes < 0, len(words.attributes), rows.attributes)))
    if rows.clicks is not None:
        with_none = pa.concat_arrays([words.millionths, pa.array([",-1"])])
        places = np.where(np.isnan(rows.clicks), len(words.millionths), np.round(rows.clicks * WHOLE))
        parts += [text.pick(with_none, place.astype(np.int64)) for place in places]
    return text.join_columns(*parts, "\n")


def six_decimals(words: BoxVocabulary, side: Sides) -> pa.StringArray:
    """A comma and a side with six decimals."""
    return text.pick(words.millionths, np.round(side * WHOLE).astype(np.int64))


def _shortest_floats(side: Sides) -> pa.StringArray:
    return text.join_columns(",", pc.cast(pa.array(side.astype(np.float32)), pa.string()))
