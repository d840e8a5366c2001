"""The classes of all three releases: MIDs, names, and which of them are labelled, trainable and boxable where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oilake.jobs.synthetic import names
from oilake.jobs.synthetic.plan import ClassCounts
from oilake.jobs.synthetic.release_rules import AFTER, BEFORE, FIRST

MID_LETTERS = np.array(list("0123456789bcdfghjklmnpqrstvwxyz_"))
KNOWLEDGE_GRAPH = 400
# A boxable class that every user expects, and examples of commands name.
WELL_KNOWN = "Dog"

Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class SampleClasses:
    """Every class by its number, 0 the most frequent label; arrays of numbers are in falling popularity.

    `place`: where the class's MID stands in alphabetical order. `names` and `listed`: by release, what its dictionary
    says and which classes it lists. `machine_first` is a mask; `boxed` are the boxable classes that boxes have.
    """

    mids: list[str]
    place: Codes
    machine: Codes
    machine_first: Mask
    kept: Codes
    lost: Codes
    new: Codes
    trainable: Mask
    boxable: Codes
    boxed: Codes
    listed: dict[str, Mask]
    names: dict[str, list[str]]

    def with_people(self) -> Mask:
        """Classes with human labels in both V2 and V3."""
        return _class_mask(len(self.mids), self.kept)


def make_classes(seed: int, counts: ClassCounts) -> SampleClasses:
    """The classes of one seed; they are numbered: both, machine only, lost, human only, new (see ClassCounts)."""
    rng = np.random.default_rng([seed, 1])
    ends = np.cumsum([counts.both, counts.machine_only, counts.lost, counts.human_only, counts.new])
    total = int(ends[-1])
    every = np.arange(total)
    mids = invent_mids(rng, total)
    machine_first = every < ends[2]
    machine_first[ends[0] - counts.later_than_first : ends[0]] = False
    trainable = (every < counts.trainable_both) | ((every >= ends[2]) & (every < ends[2] + counts.trainable_human_only))
    boxable = _boxable_classes(counts)
    first = _first_dictionary(counts, machine_first, ends)
    return SampleClasses(
        mids=mids,
        place=np.argsort(np.argsort(np.array(mids))),
        machine=every[: ends[2]],
        machine_first=machine_first,
        kept=np.concatenate([every[: ends[0]], every[ends[2] : ends[3]]]),
        lost=every[ends[1] : ends[2]],
        new=every[ends[3] :],
        trainable=trainable,
        boxable=boxable,
        boxed=boxable[: len(boxable) - counts.box_unused],
        listed={FIRST: first, BEFORE: every < ends[3], AFTER: every < total},
        names=_names_by_release(rng, counts, first, boxable),
    )


def invent_mids(rng: np.random.Generator, count: int) -> list[str]:
    """Different MIDs of the legal alphabet; a few come from the Knowledge Graph."""
    mids: dict[str, None] = {}
    while len(mids) < count:
        letters = "".join(rng.choice(MID_LETTERS, 8))
        short = len(mids) % 3
        is_knowledge_graph = len(mids) % KNOWLEDGE_GRAPH == KNOWLEDGE_GRAPH // 2
        mids[f"/g/11{letters[:7]}" if is_knowledge_graph else f"/m/0{letters[: 4 + short]}"] = None
    return list(mids)


def _boxable_classes(counts: ClassCounts) -> Codes:
    """Boxable classes, spread over the trainable and the other ones; those that no box has come last."""
    trainable = np.linspace(1, counts.trainable_both - 1, counts.box_trainable).astype(np.int64)
    not_trainable = np.linspace(counts.trainable_both, counts.both - 1, counts.box_other + counts.box_unused).astype(
        np.int64
    )
    return np.concatenate([trainable, not_trainable])


def _first_dictionary(counts: ClassCounts, machine_first: Mask, ends: Codes) -> Mask:
    """V1's dictionary: its labels without a few, and some that no label of V1 has."""
    listed = machine_first.copy()
    step = max(1, counts.both // (counts.missing_in_first + 1) - 1)
    listed[step : step * counts.missing_in_first + 1 : step] = False
    listed[ends[2] : ends[2] + counts.unused_in_first] = True
    return listed


def _names_by_release(
    rng: np.random.Generator, counts: ClassCounts, in_first: Mask, boxable: Codes
) -> dict[str, list[str]]:
    """Names by release: V2 and V3 rename some of V1's classes each; some names are shared, two by boxable classes."""
    total = len(in_first)
    fresh = names.invent_names(rng, total + 2 * counts.renamed)
    latest = fresh[:total]
    free = np.setdiff1d(rng.permutation(total), boxable, assume_unique=True)
    groups = [[int(boxable[n]), int(boxable[n + 1])] for n in (0, 2)]
    for n in range(counts.shared_names - len(groups)):
        taken = 3 if n < counts.thrice_shared_names else 2
        groups.append(free[:taken].tolist())
        free = free[taken:]
    names.share_names(latest, groups)
    for index in boxable[4:5].tolist():
        latest[index] = WELL_KNOWN
    first, second = list(latest), list(latest)
    for n, index in enumerate(free[in_first[free]][: 2 * counts.renamed].tolist()):
        first[index] = fresh[total + n]
        if n < counts.renamed:
            second[index] = fresh[total + n]
    return {FIRST: first, BEFORE: second, AFTER: latest}


def _class_mask(size: int, chosen: Codes) -> Mask:
    mask = np.zeros(size, np.bool_)
    mask[chosen] = True
    return mask
