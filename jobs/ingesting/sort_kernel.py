"""What one task does to put a small partition in order: its rows are sorted in memory and staged as one file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from oilake.jobs.tables import parquet_reader
from oilake.jobs.tables.staging import StagedFile, Writer
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas

# Rows that are taken at once: what is sorted is in memory once as it was read, and little more.
BATCH = 1 << 17


@dataclass(frozen=True)
class UnsortedGroup:
    """The staged files of one partition of a table, whose rows were judged; `notes` go into the sorted file's footer."""

    table: str
    files: tuple[StagedFile, ...]
    notes: Mapping[str, str]


def sort_group(group: UnsortedGroup, warehouse: Warehouse, run_id: str) -> Iterator[StagedFile]:
    """One file with the rows of the group as the table is sorted; rows that are equal in that stay as they stood.

    StoreError where a staged file cannot be read.
    """
    table = schemas.table_schema(group.table)
    columns = [column.name for column in table.stored()]
    uris = [warehouse.table_uri(group.table, file.path) for file in group.files]
    rows = pa.concat_tables([parquet_reader.read_file(uri, group.table, columns) for uri in uris])
    order = pc.sort_indices(rows, sort_keys=[(name, "ascending") for name in table.sort_by])
    writer = Writer(warehouse, table, group.files[0].partition, run_id, 0, is_judged=True)
    for start in range(0, len(order), BATCH):
        writer.write(rows.take(order.slice(start, BATCH)))
    yield writer.close(group.notes)
