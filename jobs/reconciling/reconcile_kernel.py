"""What one task of reconcile does: one row an (image, MID) of its span, staged as one file, and how many it made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from oilake.conf.reconcile_policy import ORIGINS, Evidence, ReconcilePolicy
from oilake.jobs.scanning.key_ranges import KeyRange
from oilake.jobs.scanning.merge_scan import aligned_chunks
from oilake.jobs.tables.staging import StagedFile, Writer
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms.class_vocabulary import ClassVocabulary
from oilake.jobs.transforms.image_labels import reconcile_labels
from oilake.jobs.transforms.label_keys import Integers
from oilake.jobs.transforms.verdicts import STATES
from oilake.schemas import loader as schemas

CHUNK_ROWS = 1 << 19


@dataclass(frozen=True)
class ReconcileContext:
    """What every task of a run knows. `usual`: by origin the source that the release declares first; `taken`: the tables of
    evidence that the release has, by subset."""

    release: str
    warehouse: Warehouse
    run_id: str
    policy: ReconcilePolicy
    usual: Mapping[str, str]
    classes: ClassVocabulary
    taken: Mapping[str, tuple[Evidence, ...]]


@dataclass(frozen=True)
class ReconcileResult:
    """One span: published label rows read, rows made by state (shape (STATES,)), and the file that holds them, if any."""

    subset: str
    read: int
    states: Integers
    staged: StagedFile | None


def reconcile_range(span: KeyRange, context: ReconcileContext) -> Iterator[ReconcileResult]:
    """Reconciles one span. InputError names a file that is not sorted."""
    partition = {"release": context.release, "subset": span.subset}
    writer = Writer(context.warehouse, schemas.table_schema("image_labels"), partition, context.run_id, 0)
    read, states = 0, np.zeros(STATES, np.int64)
    for chunk in aligned_chunks(span.sides, span.low, span.high, CHUNK_ROWS):
        taken = context.taken.get(span.subset, ())
        reconciled = reconcile_labels(chunk, context.classes, context.policy, context.usual, taken, span.subset)
        if reconciled is None:
            continue
        writer.write(reconciled.rows)
        read += sum(len(part.rows) for side, part in chunk.items() if side in ORIGINS)
        states += reconciled.states
    yield ReconcileResult(span.subset, read, states, writer.close_filled())
