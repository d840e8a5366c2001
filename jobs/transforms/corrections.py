"""Corrections of people outside: what they say of an image and class, and which boxes they leave out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oilake.jobs.transforms.class_vocabulary import ClassVocabulary
from oilake.jobs.transforms.evidence_counts import PairPlaces
from oilake.jobs.transforms.image_runs import ImageRuns, Numbers
from oilake.jobs.transforms.label_evidence import LabelEvidence, with_pairs
from oilake.jobs.transforms.label_keys import Integers, key_places, pair_keys
from oilake.jobs.transforms.release_diff import MISSING
from oilake.jobs.transforms.verdicts import CORRECTION_WEIGHT, NO, YES
from oilake.jobs.transforms.words import DROP_BOX, VERDICT

# What is read of the table, beside the image.
COLUMNS = ("mid", "kind", "verdict", "subset", "is_applied")


@dataclass(frozen=True)
class ChunkCorrections:
    """The applied corrections of a chunk of one subset: `pairs`, distinct and ascending, and what each says (NO or YES);
    `own`: those of them whose image is of the subset, which need no label; `dropped`: the pair of each box left out."""

    pairs: Integers
    says: Integers
    own: Integers
    dropped: Integers

    def with_own_pairs(self, evidence: LabelEvidence) -> LabelEvidence:
        """The pairs of the labels, and those that corrections alone name."""
        return with_pairs(evidence, self.own)

    def add_states(self, states: Integers, pairs: Integers) -> None:
        """Adds what corrections say to the states of the ascending pairs."""
        places = key_places(pairs, self.pairs)
        is_named = places != MISSING
        states[places[is_named]] += CORRECTION_WEIGHT * self.says[is_named]

    def count_dropped(self, pairs: PairPlaces) -> Integers:
        """How many boxes of each pair are left out; shape (pairs,)."""
        return pairs.count_rows(key_places(pairs.pairs, self.dropped))


def chunk_corrections(
    part: ImageRuns | None, subset: str, images: Numbers, classes: ClassVocabulary
) -> ChunkCorrections | None:
    """The corrections among `part`, rows with COLUMNS; None where there are none. `images` hold all of theirs."""
    if part is None:
        return None
    rows = part.rows
    keys = pair_keys(part, images, classes)
    kinds, verdicts, subsets = (np.array(rows[name].to_pylist()) for name in ("kind", "verdict", "subset"))
    is_applied = rows["is_applied"].to_numpy()
    is_verdict, is_own = is_applied & (kinds == VERDICT), subsets == subset
    pairs, first = np.unique(keys[is_verdict], return_index=True)
    says = np.where(verdicts[is_verdict][first] == "positive", YES, NO)
    own = np.unique(keys[is_verdict & is_own])
    return ChunkCorrections(pairs, says, own, keys[is_applied & (kinds == DROP_BOX) & is_own])
