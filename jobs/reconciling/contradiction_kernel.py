"""What one task of contradictions does: those of its span of images, staged as one file, and how many of each kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from oilake.jobs.scanning.key_ranges import KeyRange
from oilake.jobs.scanning.merge_scan import aligned_chunks
from oilake.jobs.tables.staging import StagedFile, Writer
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms.contradiction_rows import IMAGES, ContradictionSetting
from oilake.jobs.transforms.contradictions import BOXES, find_contradictions
from oilake.jobs.transforms.dropped_boxes import DroppedBox, leave_out
from oilake.schemas import loader as schemas

CHUNK_ROWS = 1 << 18


@dataclass(frozen=True)
class ContradictionContext:
    """What every task of a run knows. `judged`: by subset the kinds that its tables suffice for; `dropped`: by subset the
    boxes that corrections leave out."""

    release: str
    warehouse: Warehouse
    run_id: str
    rules: ContradictionSetting
    judged: Mapping[str, frozenset[str]]
    dropped: Mapping[str, frozenset[DroppedBox]] = field(default_factory=dict)


@dataclass(frozen=True)
class ContradictionResult:
    """One span: published rows read (image lists apart), contradictions by kind, and the file that holds them, if any."""

    subset: str
    read: int
    kinds: Counter[str]
    staged: StagedFile | None


def judge_range(span: KeyRange, context: ContradictionContext) -> Iterator[ContradictionResult]:
    """Look one span through. InputError names a file that is not sorted."""
    partition = {"release": context.release, "subset": span.subset}
    writer = Writer(context.warehouse, schemas.table_schema("contradictions"), partition, context.run_id, 0)
    read, kinds = 0, Counter[str]()
    for chunk in aligned_chunks(span.sides, span.low, span.high, CHUNK_ROWS):
        read += sum(int(part.lengths.sum()) for side, part in chunk.items() if side != IMAGES)
        if BOXES in chunk and span.subset in context.dropped:
            chunk[BOXES] = leave_out(chunk[BOXES], context.dropped[span.subset])
        rows = find_contradictions(chunk, context.rules, context.judged[span.subset])
        writer.write(rows)
        kinds.update(rows["kind"].to_pylist())
    yield ContradictionResult(span.subset, read, kinds, writer.close_filled())
