"""Human and machine labels from one release to the next: withdrawn, flipped, made leaf-most, rescored, added."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from oilake.jobs.synthetic import machine, pairs, zipf
from oilake.jobs.synthetic.class_tree import ClassTree
from oilake.jobs.synthetic.human import CROWD, STAFF, Draw, HumanLabels
from oilake.jobs.synthetic.pairs import Pairs
from oilake.jobs.synthetic.release_rules import LabelRules, MachineRules

Mask = npt.NDArray[np.bool_]


class Verdicts(NamedTuple):
    """Human labels, one a pair, ascending: pairs, verdicts (0 or 1) and sources (CROWD or STAFF), shape (n,) each."""

    pairs: Pairs
    verdict: Pairs
    source: Pairs

    def take(self, chosen: Mask | Pairs) -> Verdicts:
        """Some of the rows."""
        return Verdicts(self.pairs[chosen], self.verdict[chosen], self.source[chosen])


class VerdictCounts(NamedTuple):
    """How many rows of each verdict there are, or are to be."""

    negative: int
    positive: int


def _no_pairs() -> Pairs:
    return np.empty(0, np.int64)


@dataclass(frozen=True)
class LabelSupply:
    """What added labels are drawn from and what must stay.

    `images`: those that are judged, each of which gets a human label; `popular`: classes by popularity; `usable`:
    classes that labels may name. Of human labels alone `boxed`: pairs that stay or become positive, sorted; `required`:
    classes that must occur.
    """

    images: Pairs
    popular: Pairs
    usable: Mask
    boxed: Pairs = field(default_factory=_no_pairs)
    required: Pairs = field(default_factory=_no_pairs)


def first_verdicts(labels: HumanLabels) -> Verdicts:
    """V3's labels without second rows: where the app contradicts staff, staff's verdict."""
    _, first = np.unique(labels.pairs_after, return_index=True)
    return Verdicts(labels.pairs_after, labels.verdict_after, labels.source_after).take(first)


def evolve_verdicts(
    rng: np.random.Generator,
    before: Verdicts,
    target: VerdictCounts,
    rules: LabelRules,
    supply: LabelSupply,
    tree: ClassTree,
) -> Verdicts:
    """The next release's labels, exactly as many as `target` tells (but never fewer than what must stand there)."""
    fixed = pairs.isin(before.pairs, supply.boxed)
    stays = supply.usable[pairs.class_numbers(before.pairs)]
    stays &= ~_is_covered(rng, before, rules.made_leaf_most, tree)
    narrowed = _narrowed_rows(rng, before, stays & ~fixed & (before.verdict == 1), rules.narrowed, tree)
    descendants = tree.narrow_labels(rng, before.pairs[narrowed])
    stays[narrowed] = False
    descendants = pairs.without(np.unique(descendants), before.pairs)
    verdict = before.verdict.copy()
    free = np.flatnonzero(stays & ~fixed)
    flipped = free[rng.random(len(free), np.float32) < rules.flipped]
    flipped = flipped[~pairs.isin(pairs.class_numbers(before.pairs[flipped]), tree.codes)]
    verdict[flipped] = 1 - verdict[flipped]
    verdict[fixed] = 1
    free = np.setdiff1d(np.flatnonzero(stays & ~fixed & ~_is_first_of_image(before.pairs)), flipped, assume_unique=True)
    stays[_withdrawn_rows(rng, free, verdict, stays, target, rules.withdrawn)] = False
    kept = Verdicts(before.pairs, verdict, before.source).take(stays)
    forced = np.union1d(descendants, pairs.without(supply.boxed, before.pairs))
    return _with_added(rng, kept, before.pairs, forced, target, rules, supply)


def _is_covered(rng: np.random.Generator, before: Verdicts, share: float, tree: ClassTree) -> Mask:
    """Positives with a positive descendant in the same image, but for the share of them that stays."""
    if not share:
        return np.zeros(len(before.pairs), np.bool_)
    covered = pairs.isin(before.pairs, tree.ancestor_pairs(before.pairs[before.verdict == 1]))
    covered &= (before.verdict == 1) & (rng.random(len(covered), np.float32) < share)
    return covered


def _narrowed_rows(rng: np.random.Generator, before: Verdicts, may: Mask, share: float, tree: ClassTree) -> Pairs:
    if not share:
        return np.empty(0, np.int64)
    rows = np.flatnonzero(may & (rng.random(len(may), np.float32) < share))
    return rows[tree.narrow_labels(rng, before.pairs[rows]) >= 0]


def _is_first_of_image(labels: Pairs) -> Mask:
    """The first label of each image, so that none is left without."""
    image = pairs.image_numbers(labels)
    return np.append(np.ones(min(1, len(image)), np.bool_), image[1:] != image[:-1])


def _withdrawn_rows(
    rng: np.random.Generator, free: Pairs, verdict: Pairs, stays: Mask, target: VerdictCounts, share: float
) -> Pairs:
    """Rows to withdraw of each verdict: their share, or as many as there are too many."""
    chosen = [np.empty(0, np.int64)]
    for value, count in enumerate(target):
        rows = rng.permutation(free[verdict[free] == value])
        surplus = int((verdict[stays] == value).sum()) - count
        chosen.append(rows[: max(round(len(rows) * share), surplus)])
    return np.concatenate(chosen)


def _with_added(
    rng: np.random.Generator,
    kept: Verdicts,
    taken: Pairs,
    forced: Pairs,
    target: VerdictCounts,
    rules: LabelRules,
    supply: LabelSupply,
) -> Verdicts:
    """`kept` and added rows: the `forced` positives, one for every image and class that needs one, and fresh ones."""
    labelled = np.unique(pairs.image_numbers(np.concatenate([kept.pairs, forced])))
    bare = np.setdiff1d(supply.images, labelled)
    taken = np.sort(np.concatenate([taken, forced]))
    required = pairs.one_each(rng, supply.required, supply.images, taken)
    firsts = pairs.pack(bare, zipf.draw_codes(rng, supply.popular, len(bare)))
    needed = pairs.without(np.setdiff1d(np.union1d(required, firsts), taken), taken)
    wanted_positive = max(0, target.positive - int(kept.verdict.sum()) - len(forced))
    wanted_negative = max(0, target.negative - int((kept.verdict == 0).sum()))
    missing = max(0, wanted_positive + wanted_negative - len(needed))

    fresh = pairs.draw_fresh(rng, _pair_sampler(rng, supply), missing, np.concatenate([taken, needed]))
    free = rng.permutation(np.concatenate([needed, fresh]))
    added = np.concatenate([forced, free])
    verdict = np.concatenate([kept.verdict, (np.arange(len(added)) < len(forced) + wanted_positive).astype(np.int64)])
    source = np.where(rng.random(len(added), np.float32) < rules.crowd, CROWD, STAFF)
    rows = Verdicts(np.concatenate([kept.pairs, added]), verdict, np.concatenate([kept.source, source]))
    return rows.take(np.argsort(rows.pairs))


def _pair_sampler(rng: np.random.Generator, supply: LabelSupply) -> Draw:
    """Pairs of any of the images and a class by popularity."""

    def sample_pairs(n: int) -> Pairs:
        images = supply.images[rng.integers(0, len(supply.images), n)]
        return pairs.pack(images, zipf.draw_codes(rng, supply.popular, n))

    return sample_pairs


def evolve_machine(
    rng: np.random.Generator, before: Pairs, target: int, rules: MachineRules, supply: LabelSupply
) -> Pairs:
    """The next release's machine labels, packed as `machine.ranked` packs them; `target` rows."""
    codes = pairs.class_numbers(before)
    kept = before[supply.usable[codes] & (rng.random(len(before), np.float32) >= rules.withdrawn)]
    kept = np.sort(rng.permutation(kept)[:target]) if len(kept) > target else kept
    rescored = rng.random(len(kept), np.float32) < rules.rescored
    again = machine.ranked(rng, np.sort(machine.without_confidence(kept[rescored])))
    taken = machine.without_confidence(before)

    fresh = pairs.draw_fresh(rng, _pair_sampler(rng, supply), target - len(kept), taken)
    return np.sort(np.concatenate([kept[~rescored], again, machine.ranked(rng, fresh)]))
