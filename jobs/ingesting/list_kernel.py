"""What one task does with files that list images: reads their rows, keeps the IDs, and quarantines what is no row."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from oilake.jobs.ingesting.chunk_kernel import ChunkReport, ChunkTask, IngestContext
from oilake.jobs.sources.csv_parser import ParsedRows
from oilake.jobs.sources.splits import Chunk, Split, read_chunks
from oilake.jobs.transforms import images
from oilake.jobs.transforms.image_ids import as_numbers
from oilake.jobs.transforms.normalized_batch import NormalizedBatch

JUDGED = ("image_id", "subset")


def read_list_split(split: Split, context: IngestContext) -> Iterator[ChunkReport]:
    """A report for each chunk of the split, with the image IDs of its rows; InputError names a file that cannot be read."""
    for chunk in read_chunks(split, context.wanted[split.file], context.release.columns, context.block_bytes):
        yield _ListTask(split, chunk, context).run()


class _ListTask(ChunkTask):
    """One chunk of a list: a row is judged by its image and its subset; what else it says stands in another file."""

    def __init__(self, split: Split, chunk: Chunk, context: IngestContext) -> None:
        super().__init__(split, chunk, context)
        self.promised = [promise for promise in self.promised if promise.kwargs.get("column") in JUDGED]
        self.report.is_list = True

    def _normalize(self, rows: ParsedRows) -> NormalizedBatch:
        normalized = images.normalize_listed(rows.columns, self.expected, self.context.release)
        if not self.expected.member.subset_column:
            normalized.constants["subset"] = self.expected.subset
        return normalized

    def _write_valid(self, rows: pa.Table) -> None:
        self.report.kept += len(rows)
        self.ids.append(as_numbers(rows["image_id"].combine_chunks()))
