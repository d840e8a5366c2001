"""What all slices of a sample share, made once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from oilake.jobs.synthetic import boxes, human, images, machine, zipf
from oilake.jobs.synthetic.classes import Classes
from oilake.jobs.synthetic.pairs import Pairs
from oilake.jobs.synthetic.plan import Plan


@dataclass(frozen=True)
class World:
    """The plan, the classes, draws by popularity, and vocabularies."""

    seed: int
    plan: Plan
    classes: Classes
    popular: dict[str, Pairs]
    photos: images.Vocabulary
    machine: pa.StringArray
    human: dict[str, pa.StringArray]
    boxes: boxes.Vocabulary


def make(seed: int, plan: Plan, classes: Classes) -> World:
    """What all slices of one sample share."""
    spellings = {"v1": ("0.0", "1.0"), "v2": ("0", "1"), "v3": ("0", "1")}
    sources = {release: human.SOURCES_V3 if release == "v3" else human.SOURCES_V2 for release in spellings}
    return World(
        seed,
        plan,
        classes,
        {
            "machine": zipf.table(classes.machine[classes.machine != machine.TOP]),
            "human": zipf.table(classes.kept),
            "unboxed": zipf.table(classes.kept[~np.isin(classes.kept, classes.boxable)]),
            "boxes": zipf.table(np.random.default_rng([seed, 4]).permutation(classes.boxed), 3),
        },
        images.vocabulary(seed),
        machine.vocabulary([classes.mids[code] for code in classes.machine.tolist()]),
        {release: human.vocabulary(classes.mids, sources[release], spellings[release]) for release in spellings},
        boxes.vocabulary(classes.mids),
    )
