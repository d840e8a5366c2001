"""What one task of changes does: the rows of its span that differ between two releases, staged as one file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from oilake.jobs.scanning.key_ranges import Span
from oilake.jobs.scanning.merge_scan import aligned
from oilake.jobs.tables.staging import StagedFile, Writer
from oilake.jobs.transforms import image_changes, label_changes
from oilake.jobs.transforms.class_vocabulary import Classes
from oilake.schemas import loader as schemas

# Rows of a chunk: what a core's caches still help with, of labels and of the much wider images.
LABELS, IMAGES = 1 << 18, 1 << 16


@dataclass(frozen=True)
class Context:
    """What every task of a run knows. `classes`: those of both releases."""

    from_release: str
    to_release: str
    warehouse: str
    run_id: str
    classes: Classes


@dataclass(frozen=True)
class Done:
    """One span: published rows read on both sides, changes by kind, and the file that holds them, if any."""

    read: int
    changes: Counter[str]
    staged: StagedFile | None


@dataclass
class _Output:
    """The file of one span, which is begun with its first row."""

    table: str
    context: Context
    changes: Counter[str] = field(default_factory=Counter)
    writer: Writer | None = None

    def add(self, rows: pa.Table) -> None:
        if not len(rows):
            return
        if self.writer is None:
            partition = {"from_release": self.context.from_release, "to_release": self.context.to_release}
            self.writer = Writer(self.context.warehouse, schemas.load(self.table), partition, self.context.run_id, 0)
        self.writer.write(rows)
        self.changes += Counter(change_counts(rows))


def change_counts(rows: pa.Table) -> dict[str, int]:
    """How many rows there are of each kind of change."""
    found = rows["change"].value_counts().to_pylist()
    return {one["values"]: one["counts"] for one in found}


def labels(span: Span, context: Context) -> Iterator[Done]:
    """Compares one span of `image_labels`. InputError names a file that is not sorted."""
    output, read = _Output("label_changes", context), 0
    for chunk in aligned(span.sides, span.low, span.high, LABELS):
        output.add(label_changes.compare(chunk, context.classes))
        read += sum(len(part.rows) for part in chunk.values())
    yield _done(output, read)


def images(span: Span, context: Context) -> Iterator[Done]:
    """Compares one span of `images`. InputError names a file that is not sorted."""
    output, read = _Output("image_changes", context), 0
    for chunk in aligned(span.sides, span.low, span.high, IMAGES):
        output.add(image_changes.compare(chunk))
        read += sum(len(part.rows) for part in chunk.values())
    yield _done(output, read)


def _done(output: _Output, read: int) -> Done:
    return Done(read, output.changes, output.writer.close() if output.writer else None)
