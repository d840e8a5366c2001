"""Finds the columns in which published files hold any value at all: a release that lacks a column has NULL in every row."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow.parquet as pq

from oilake.jobs.runtime.filesystem import open_filesystem
from oilake.jobs.scanning.merge_scan import reading_file

BATCH = 1 << 14


def filled_columns(uris: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Name those of the columns that hold a value in a row of the files, in their order.

    Reads until each has shown one: of columns with values seldom more than a batch, of the others all, which are NULLs
    alone. StoreError names a file that cannot be read.
    """
    filled: set[str] = set()
    for uri in uris:
        store, path = open_filesystem(uri)
        with reading_file(uri):
            file = pq.ParquetFile(path, filesystem=store)
            unseen = [name for name in columns if name not in filled and name in file.schema_arrow.names]
            for batch in file.iter_batches(BATCH, columns=unseen) if unseen else ():
                filled |= {name for name in batch.schema.names if batch.column(name).null_count < len(batch)}
                if filled.issuperset(unseen):
                    break
    return [name for name in columns if name in filled]
