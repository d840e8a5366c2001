"""What one task of reconcile does: one row an (image, MID) of its span, staged as one file, and how many it made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from oilake.conf.reconcile_policy import Policy
from oilake.jobs.scanning.key_ranges import Span
from oilake.jobs.scanning.merge_scan import aligned
from oilake.jobs.tables.staging import StagedFile, Writer
from oilake.jobs.transforms.class_vocabulary import Classes
from oilake.jobs.transforms.image_labels import BOXES, reconcile
from oilake.jobs.transforms.label_keys import Integers
from oilake.jobs.transforms.verdicts import STATES
from oilake.schemas import loader as schemas

ROWS = 1 << 19


@dataclass(frozen=True)
class Context:
    """What every task of a run knows. `usual`: by origin the source that the release declares first; `boxed`: the subsets
    of which boxes are published."""

    release: str
    warehouse: str
    run_id: str
    policy: Policy
    usual: Mapping[str, str]
    classes: Classes
    boxed: frozenset[str]


@dataclass(frozen=True)
class Done:
    """One span: published label rows read, rows made by state (shape (48,)), and the file that holds them, if any."""

    subset: str
    read: int
    states: Integers
    staged: StagedFile | None


def run(span: Span, context: Context) -> Iterator[Done]:
    """Reconciles one span. InputError names a file that is not sorted."""
    partition = {"release": context.release, "subset": span.subset}
    writer: Writer | None = None
    read, states = 0, np.zeros(STATES, np.int64)
    for chunk in aligned(span.sides, span.low, span.high, ROWS):
        found = reconcile(chunk, context.classes, context.policy, context.usual, span.subset in context.boxed)
        if found is None:
            continue
        if writer is None:
            writer = Writer(context.warehouse, schemas.load("image_labels"), partition, context.run_id, 0)
        writer.write(found.rows)
        read += sum(len(part.rows) for side, part in chunk.items() if side != BOXES)
        states += found.states
    yield Done(span.subset, read, states, writer.close() if writer else None)
