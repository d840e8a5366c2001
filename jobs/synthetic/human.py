"""Human labels of V2 and V3: one set of (image, class) pairs with what each release says about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from oilake.jobs.synthetic import pairs, text, zipf
from oilake.jobs.synthetic.pairs import Pairs
from oilake.jobs.synthetic.plan import SubsetCounts
from oilake.jobs.synthetic.release_rules import AFTER, load_rules

FROM_MACHINE = 0.5
CROWD_SHARE = 0.1
CROWD, STAFF = 0, 1
SOURCES_AFTER = load_rules().archives[AFTER].label_sources

Draw = Callable[[int], Pairs]


@dataclass(frozen=True)
class PairPool:
    """What pairs may be drawn from: labelled images by release, the machine's pairs, classes by popularity.

    `old`, `lost` and `new` are the classes of this slice that must occur kept, withdrawn and added.
    """

    images_before: Pairs
    images_after: Pairs
    machine: Pairs
    popular: Pairs
    old: Pairs
    lost: Pairs
    new: Pairs


@dataclass(frozen=True)
class HumanLabels:
    """Pairs and a verdict each (0 or 1), row for row; `changes` by kind are pairs, for the truth.

    `source_after`: CROWD or STAFF.
    """

    pairs_before: Pairs
    verdict_before: Pairs
    pairs_after: Pairs
    verdict_after: Pairs
    source_after: Pairs
    changes: dict[str, Pairs]


def draw_labels(
    rng: np.random.Generator, counts: SubsetCounts, pool: PairPool, boxed_before: Pairs, boxed_after: Pairs
) -> HumanLabels:
    """The labels of one subset's part, exactly as `counts` tells.

    `boxed_before`: pairs with boxes in V2 (they are positive in both); `boxed_after`: those that have boxes in V3 only.
    """
    c = counts
    taken = np.concatenate([boxed_before, boxed_after])
    common = (c.kept_positive, c.kept_negative, c.flipped_to_negative, c.flipped_to_positive)
    lost = pairs.one_each(rng, pool.lost, pool.images_before, taken)
    old = pairs.one_each(rng, pool.old, pool.images_before, taken)
    new = pairs.one_each(rng, pool.new, pool.images_after, taken)
    taken = np.concatenate([taken, lost, old, new])
    both_count = sum(common) - len(boxed_before) - len(old)
    both = pairs.draw_fresh(rng, _pair_sampler(rng, pool, pool.images_before), both_count, taken)
    taken = np.concatenate([taken, both])
    gone = c.withdrawn_positive + c.withdrawn_negative - len(lost)
    gone_more = pairs.draw_fresh(rng, _pair_sampler(rng, pool, pool.images_before), gone, taken)
    taken = np.concatenate([taken, gone_more])
    come = c.added_positive + c.added_negative - len(boxed_after) - len(new)
    come_more = pairs.draw_fresh(rng, _pair_sampler(rng, pool, pool.images_after), come, taken)
    return _assign_verdicts(
        rng, c, np.concatenate([boxed_before, old, both]), np.append(lost, gone_more), (boxed_after, new, come_more)
    )


def _pair_sampler(rng: np.random.Generator, pool: PairPool, labelled: Pairs) -> Draw:
    """Pairs of labelled images: half of them what the machine said, half by popularity."""
    is_labelled = np.zeros(int(labelled.max()) + 1, np.bool_)
    is_labelled[labelled] = True
    image = pairs.image_numbers(pool.machine)
    machine_pairs = pool.machine[(image < len(is_labelled)) & is_labelled[np.minimum(image, len(is_labelled) - 1)]]

    def sample_pairs(n: int) -> Pairs:
        drawn = pairs.pack(labelled[rng.integers(0, len(labelled), n)], zipf.draw_codes(rng, pool.popular, n))
        if len(machine_pairs):
            proposed = rng.random(n, np.float32) < FROM_MACHINE
            drawn[proposed] = machine_pairs[rng.integers(0, len(machine_pairs), int(proposed.sum()))]
        return drawn

    return sample_pairs


def _assign_verdicts(
    rng: np.random.Generator, c: SubsetCounts, both: Pairs, gone: Pairs, come: tuple[Pairs, ...]
) -> HumanLabels:
    """The pairs of both releases (boxed ones first), of V2 only and of V3 only, with verdicts and sources."""
    kept = c.kept_positive + c.kept_negative
    to_negative, to_positive = np.split(both[kept:], [c.flipped_to_negative])
    positive, negative = both[: c.kept_positive], both[c.kept_positive : kept]
    added = np.concatenate(come)
    conflicts = negative[: c.conflict_positive], positive[len(positive) - c.conflict_negative :]
    repeats = (
        positive[len(positive) - c.conflict_negative - c.repeated_positive : len(positive) - c.conflict_negative],
        negative[c.conflict_positive : c.conflict_positive + c.repeated_negative],
    )
    second = np.concatenate([*conflicts, *repeats])
    positives = np.concatenate([positive, to_positive, added[: c.added_positive]])
    negatives = np.concatenate([negative, to_negative, added[c.added_positive :]])
    crowd = rng.random(len(positives) + len(negatives), np.float32) < CROWD_SHARE
    # A conflict is the app's verdict against staff's; a repeated row has its first one's source.
    crowd &= ~pairs.isin(np.concatenate([positives, negatives]), second)
    sources = np.where(crowd, CROWD, STAFF)
    more = [CROWD] * sum(map(len, conflicts)) + [STAFF] * sum(map(len, repeats))
    seconds = np.repeat([1, 0, 1, 0], [len(part) for part in (*conflicts, *repeats)])
    return HumanLabels(
        pairs_before=np.concatenate([positive, to_negative, gone[: c.withdrawn_positive], negative, to_positive,
                                 gone[c.withdrawn_positive :]]),
        verdict_before=np.repeat([1, 0], [c.kept_positive + c.flipped_to_negative + c.withdrawn_positive,
                                      c.kept_negative + c.flipped_to_positive + c.withdrawn_negative]),
        pairs_after=np.concatenate([positives, negatives, second]),
        verdict_after=np.concatenate([np.repeat([1, 0], [len(positives), len(negatives)]), seconds]),
        source_after=np.concatenate([sources, np.array(more, np.int64)]),
        changes={"added": added, "removed": gone, "flipped": both[kept:], "conflict": np.concatenate(conflicts),
                 "repeated": np.concatenate(repeats)},
    )  # fmt: skip


def human_vocabulary(mids: list[str], sources: tuple[str, ...], verdicts: tuple[str, ...]) -> pa.StringArray:
    """All that may stand behind the image ID, with its line end; by source, verdict, class."""
    return pa.array([f",{source},{mid},{verdict}\n" for source in sources for verdict in verdicts for mid in mids])


def human_lines(
    ids: pa.StringArray, place: Pairs, rows: tuple[Pairs, Pairs, Pairs], words: pa.StringArray
) -> pa.StringArray:
    """Rows of (pairs, verdicts, sources), sorted by image, source and MID; `ids` by image number, `place` by class."""
    row_pairs, verdict, source = rows
    code = pairs.class_numbers(row_pairs)
    order = np.argsort(
        ((pairs.image_numbers(row_pairs) << 1 | source) << pairs.CLASS_BITS) | place[code], kind="stable"
    )
    word = (source * 2 + verdict) * (len(words) // 4) + code
    image = pairs.image_numbers(row_pairs).astype(np.int32)
    return text.join_columns(text.pick(ids, image[order]), text.pick(words, word[order].astype(np.int32)))
