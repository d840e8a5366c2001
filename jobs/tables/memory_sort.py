"""What one task does to put a small partition in order: its rows are sorted in memory and staged as one file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from oilake.jobs.tables import parquet_reader
from oilake.jobs.tables.staging import StagedFile, Writer
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas

if TYPE_CHECKING:
    from oilake.jobs.tables.slice_files import PublishedFile

# Rows that are taken at once: what is sorted is in memory once as it was read, and little more.
BATCH = 1 << 17
# What a task may sort: some 300 MB once it is unpacked, and as much again where row groups are written.
MEMORY_BYTES, MEMORY_ROWS = 64 << 20, 2_000_000


@dataclass(frozen=True)
class UnsortedPart:
    """Rows that become one sorted file of a partition of `table`: those of files of `source`, which has its columns.

    `is_judged`: whether the rows were held against the promises of `table` already; `notes` go into the file's footer.
    """

    table: str
    source: str
    uris: tuple[str, ...]
    partition: Mapping[str, str]
    is_judged: bool
    notes: Mapping[str, str] = field(default_factory=dict)


def fits_in_memory(files: Sequence[StagedFile] | Sequence[PublishedFile]) -> bool:
    """Whether one task may sort all rows of these files."""
    return sum(file.size for file in files) <= MEMORY_BYTES and sum(file.rows for file in files) <= MEMORY_ROWS


def sort_part(part: UnsortedPart, warehouse: Warehouse, run_id: str) -> Iterator[StagedFile]:
    """One file with the rows of the part as the table is sorted; rows that are equal in that stay as they stood.

    StoreError where a file cannot be read.
    """
    table = schemas.table_schema(part.table)
    columns = [column.name for column in table.stored()]
    rows = pa.concat_tables([parquet_reader.read_file(uri, part.source, columns) for uri in part.uris])
    order = pc.sort_indices(rows, sort_keys=[(name, "ascending") for name in table.sort_by])
    writer = Writer(warehouse, table, part.partition, run_id, 0, part.is_judged)
    for start in range(0, len(order), BATCH):
        writer.write(rows.take(order.slice(start, BATCH)))
    yield writer.close(part.notes)
