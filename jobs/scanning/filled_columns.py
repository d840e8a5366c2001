"""Finds the columns in which published files hold any value at all: a release that lacks a column has NULL in every row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

import pyarrow as pa
import pyarrow.parquet as pq

from oilake.jobs.runtime.filesystem import open_filesystem
from oilake.jobs.scanning.merge_scan import reading_file

BATCH = 1 << 14


def filled_columns(uris: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Name those of the columns that hold a value in a row of the files, in their order.

    Reads until each has shown one: of columns with values seldom more than a batch, after which only the others are read,
    of which most are NULLs alone. StoreError names a file that cannot be read.
    """
    filled: set[str] = set()
    for uri in uris:
        store, path = open_filesystem(uri)
        with reading_file(uri):
            file = pq.ParquetFile(path, filesystem=store)
            unseen = [name for name in columns if name not in filled and name in file.schema_arrow.names]
            filled |= _seen_columns(islice(file.iter_batches(BATCH, columns=unseen), 1), unseen)
            empty_so_far = [name for name in unseen if name not in filled]
            if empty_so_far:
                filled |= _seen_columns(file.iter_batches(BATCH, columns=empty_so_far), empty_so_far)
    return [name for name in columns if name in filled]


def _seen_columns(batches: Iterable[pa.RecordBatch], columns: Sequence[str]) -> set[str]:
    """The columns that have a value in the batches, of which no more are read than it takes to see all."""
    seen: set[str] = set()
    for batch in batches:
        seen |= {name for name in batch.schema.names if batch.column(name).null_count < len(batch)}
        if seen.issuperset(columns):
            break
    return seen
