"""What one task of changes does: the rows of its span that differ between two releases, staged as one file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

import pyarrow as pa

from oilake.jobs.scanning.key_ranges import KeyRange
from oilake.jobs.scanning.merge_scan import aligned_chunks
from oilake.jobs.tables.staging import StagedFile, Writer
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms import box_changes, image_changes, label_changes
from oilake.jobs.transforms.class_ancestors import ClassAncestors
from oilake.jobs.transforms.class_vocabulary import ClassVocabulary
from oilake.jobs.transforms.dropped_boxes import DroppedBox, leave_out
from oilake.jobs.transforms.image_runs import ImageRuns
from oilake.schemas import loader as schemas

# Rows of a chunk: what a core's caches still help with, of labels and of the wider boxes and much wider images.
LABEL_ROWS, BOX_ROWS, IMAGE_ROWS = 1 << 18, 1 << 17, 1 << 16


@dataclass(frozen=True)
class CompareContext:
    """What every task of a run knows. `classes`: those of both releases; `image_columns`: what each side gives of images, by
    its name; `ancestors`: by the later release's hierarchy; `least_iou`: from which overlap on a box can be another one
    redrawn; `dropped`: the boxes that corrections leave out, by side."""

    from_release: str
    to_release: str
    warehouse: Warehouse
    run_id: str
    classes: ClassVocabulary
    image_columns: Mapping[str, tuple[str, ...]]
    ancestors: ClassAncestors
    least_iou: float
    dropped: Mapping[str, frozenset[DroppedBox]] = field(default_factory=dict)


@dataclass(frozen=True)
class CompareResult:
    """One span: published rows read on both sides, changes by kind, and the file that holds them, if any."""

    read: int
    changes: Counter[str]
    staged: StagedFile | None


def change_counts(rows: pa.Table) -> dict[str, int]:
    """How many rows there are of each kind of change."""
    entries = rows["change"].value_counts().to_pylist()
    return {entry["values"]: entry["counts"] for entry in entries}


def compare_labels(span: KeyRange, context: CompareContext) -> Iterator[CompareResult]:
    """Compares one span of `image_labels`. InputError names a file that is not sorted."""
    compare = partial(label_changes.compare_labels, classes=context.classes, ancestors=context.ancestors)
    yield _compare_span(span, context, "label_changes", LABEL_ROWS, compare)


def compare_images(span: KeyRange, context: CompareContext) -> Iterator[CompareResult]:
    """Compares one span of `images`. InputError names a file that is not sorted."""
    compare = partial(image_changes.compare_images, given=context.image_columns)
    yield _compare_span(span, context, "image_changes", IMAGE_ROWS, compare)


def compare_boxes(span: KeyRange, context: CompareContext) -> Iterator[CompareResult]:
    """Compares one span of `boxes`, but for those that corrections leave out. InputError names a file that is not sorted."""

    def compare(chunk: Mapping[str, ImageRuns]) -> pa.Table:
        counted = {
            s: leave_out(part, context.dropped[s]) if s in context.dropped else part for s, part in chunk.items()
        }
        return box_changes.compare_boxes(counted, context.classes, context.least_iou)

    yield _compare_span(span, context, "box_changes", BOX_ROWS, compare)


def _compare_span(
    span: KeyRange,
    context: CompareContext,
    table: str,
    rows: int,
    compare: Callable[[Mapping[str, ImageRuns]], pa.Table],
) -> CompareResult:
    """The rows of `table` that `compare` makes of about `rows` published ones at a time, in one file."""
    partition = {"from_release": context.from_release, "to_release": context.to_release}
    writer = Writer(context.warehouse, schemas.table_schema(table), partition, context.run_id, 0)
    read, changes = 0, Counter[str]()
    for chunk in aligned_chunks(span.sides, span.low, span.high, rows):
        changed = compare(chunk)
        writer.write(changed)
        changes.update(change_counts(changed))
        read += sum(len(part.rows) for part in chunk.values())
    return CompareResult(read, changes, writer.close_filled())
