"""Localized narratives of V6 and later: whose they are, and their lines of JSON with words, times and traces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oilake.jobs.synthetic import pairs, text
from oilake.jobs.synthetic.evolution import SubsetState
from oilake.jobs.synthetic.evolved_context import EvolvedContext
from oilake.jobs.synthetic.pairs import Pairs
from oilake.jobs.synthetic.plan import even_share
from oilake.jobs.synthetic.release_rules import RowFile

ANNOTATORS = 100
BEGINNING, NOTHING = "In this image we can see", "something"
LEAST_PARTS, MOST_PARTS = 4, 9
STRETCHES = (1, 12)
POINTS = (20, 190)
# Of narratives that are there to be many.
SHORT_STRETCHES, SHORT_POINTS = (1, 2), (1, 4)
# Hundredths of the image that the mouse leaves it by, and seconds between two points.
MARGIN, PAUSE = 500, 0.016
DECIMALS = 10_000
PLACES = pa.array([f"{n / DECIMALS:.4f}" for n in range(-MARGIN, DECIMALS + MARGIN + 1)])
TIMES = pa.array([f"{n * PAUSE:.3f}" for n in range(STRETCHES[1] * POINTS[1])])
SECONDS = pa.array([f"{n / 10:.1f}" for n in range(16 * MOST_PARTS)])


@dataclass(frozen=True)
class Narratives:
    """The image of each narrative, by its number in the slice, ascending, and who tells it; both of shape (n,).

    `stretches`, `points`: how many a trace and a stretch have, from the first number to below the second.
    """

    image: Pairs
    annotator: Pairs
    stretches: tuple[int, int] = STRETCHES
    points: tuple[int, int] = POINTS


def draw_narratives(rng: np.random.Generator, images: int, form: RowFile, described: int, count: int) -> Narratives:
    """One of each of `described` of the slice's images, and second ones up to `count`; a shard has its share of all."""
    candidates = np.arange(images)[form.shard :: form.shards]
    described, count = (even_share(number, form.shard, form.shards) for number in (described, count))
    first = rng.permutation(candidates)[:described]
    again = rng.permutation(first)[: max(0, count - described)]
    teller = rng.integers(0, ANNOTATORS, images)
    others = teller[again] + rng.integers(1, ANNOTATORS, len(again))
    image = np.concatenate([first, again])
    order = np.argsort(image, kind="stable")
    return Narratives(image[order], np.concatenate([teller[first], others % ANNOTATORS])[order])


def draw_spare_narratives(drawn: Narratives, count: int) -> Narratives:
    """So many short ones, of the images of those that were drawn and by annotators who told none of these."""
    images = np.unique(drawn.image)
    place = np.arange(count if len(images) else 0)
    image, annotator = images[place % max(1, len(images))], ANNOTATORS + place // max(1, len(images))
    order = np.argsort(image, kind="stable")
    return Narratives(image[order], annotator[order], SHORT_STRETCHES, SHORT_POINTS)


def narrative_lines(
    rng: np.random.Generator,
    ids: pa.StringArray,
    world: EvolvedContext,
    state: SubsetState,
    rows: Narratives,
    form: RowFile,
) -> pa.StringArray:
    """Narratives as lines of JSON; `ids`: the image IDs of the subset in the slice."""
    image, teller = text.pick(ids, rows.image), text.decimal_digits(rows.annotator)
    parts = _caption_parts(rng, world, state, rows, form.state)
    return text.join_columns(
        f'{{"dataset_id": "open_images_{form.subset}", "image_id": "',
        image,
        '", "annotator_id": ',
        teller,
        ', "caption": "',
        pc.binary_join(parts, " "),
        '", "timed_caption": [',
        _timed_parts(rng, parts),
        '], "traces": [',
        _mouse_traces(rng, rows),
        f'], "voice_recording": "open_images_{form.subset}/',
        image,
        "_",
        teller,
        '.ogg"}\n',
    )


def _caption_parts(
    rng: np.random.Generator, world: EvolvedContext, state: SubsetState, rows: Narratives, release: str
) -> pa.ListArray:
    """The parts of each caption: a beginning, and names of classes that the image has labels of."""
    names = [name.replace("\\", "").replace('"', "") for name in world.classes.names[release]]
    words = pa.array([BEGINNING, NOTHING, *names])
    labelled = np.sort(state.labels.pairs)
    image = pairs.image_numbers(labelled)
    low, high = (np.searchsorted(image, rows.image, side) for side in ("left", "right"))
    counts = rng.integers(LEAST_PARTS, MOST_PARTS, len(rows.image))
    offsets = np.append(0, np.cumsum(counts))
    row, place = np.repeat(np.arange(len(counts)), counts), np.arange(offsets[-1]) - np.repeat(offsets[:-1], counts)
    labels = (high - low)[row]
    code = pairs.class_numbers(np.append(labelled, 0)[low[row] + place % np.maximum(labels, 1)]) + 2
    codes = np.where(place == 0, 0, np.where(labels == 0, 1, code))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), text.pick(words, codes))


def _timed_parts(rng: np.random.Generator, parts: pa.ListArray) -> pa.StringArray:
    """The parts of each caption with their times; each begins where the one before it ends."""
    offsets = parts.offsets.to_numpy()
    ends = np.cumsum(rng.integers(2, 16, len(parts.values)))
    before = np.append(0, ends)[np.repeat(offsets[:-1], np.diff(offsets))]
    starts = np.append(0, ends[:-1])[: len(ends)] - before
    said = text.join_columns(
        '{"utterance": "',
        parts.values,
        '", "start_time": ',
        text.pick(SECONDS, starts),
        ', "end_time": ',
        text.pick(SECONDS, ends - before),
        "}",
    )
    return pc.binary_join(pa.ListArray.from_arrays(parts.offsets, said), ", ")


def _mouse_traces(rng: np.random.Generator, rows: Narratives) -> pa.StringArray:
    """The mouse's way: stretches of points on a walk that leaves the image now and then."""
    stretches = rng.integers(*rows.stretches, len(rows.image))
    points = rng.integers(*rows.points, int(stretches.sum()))
    stretch_offsets, point_offsets = np.append(0, np.cumsum(stretches)), np.append(0, np.cumsum(points))
    total, first = int(point_offsets[-1]), point_offsets[stretch_offsets]
    index = np.arange(total) - np.repeat(first[:-1], np.diff(first))
    x, y = (text.pick(PLACES, _random_walk(rng, total)) for _ in range(2))
    point = text.join_columns('{"x": ', x, ', "y": ', y, ', "t": ', text.pick(TIMES, index), "}")
    way = pc.binary_join(pa.ListArray.from_arrays(pa.array(point_offsets, pa.int32()), point), ", ")
    ways = text.join_columns("[", way, "]")
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(stretch_offsets, pa.int32()), ways), ", ")


def _random_walk(rng: np.random.Generator, count: int) -> Pairs:
    """Places among PLACES, each a step from the one before it, turned back at both ends."""
    span = len(PLACES) - 1
    return np.asarray(np.abs(np.cumsum(rng.integers(-150, 151, count)) % (2 * span) - span))
