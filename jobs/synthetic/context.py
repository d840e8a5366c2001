"""What all slices of a sample share, made once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from oilake.jobs.synthetic import boxes, human, images, machine, zipf
from oilake.jobs.synthetic.classes import SampleClasses
from oilake.jobs.synthetic.pairs import Pairs
from oilake.jobs.synthetic.plan import SamplePlan
from oilake.jobs.synthetic.release_rules import load_rules


@dataclass(frozen=True)
class SampleContext:
    """The plan, the classes, draws by popularity, and vocabularies; `spools`: those that are written."""

    seed: int
    plan: SamplePlan
    classes: SampleClasses
    popular: dict[str, Pairs]
    photos: images.ImageVocabulary
    machine: pa.StringArray
    human: dict[str, pa.StringArray]
    boxes: boxes.BoxVocabulary
    spools: frozenset[str]


def make_context(seed: int, plan: SamplePlan, classes: SampleClasses, spools: frozenset[str]) -> SampleContext:
    """What all slices of one sample share."""
    return SampleContext(
        seed,
        plan,
        classes,
        {
            "machine": zipf.popularity_table(classes.machine[classes.machine != machine.TOP]),
            "human": zipf.popularity_table(classes.kept),
            "unboxed": zipf.popularity_table(classes.kept[~np.isin(classes.kept, classes.boxable)]),
            "boxes": zipf.popularity_table(np.random.default_rng([seed, 4]).permutation(classes.boxed), 3),
        },
        images.image_vocabulary(seed),
        machine.machine_vocabulary([classes.mids[code] for code in classes.machine.tolist()]),
        {
            release: human.human_vocabulary(classes.mids, rules.label_sources, rules.verdicts)
            for release, rules in load_rules().archives.items()
        },
        boxes.box_vocabulary(classes.mids),
        spools,
    )
