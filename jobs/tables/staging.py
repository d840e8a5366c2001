"""Arrow batches to Parquet files in a table's folder that no commit names yet: nobody sees them until they are published."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from oilake.conf.errors import StoreError
from oilake.conf.file_names import checked_part, leads_out
from oilake.jobs.runtime.filesystem import file_size, make_parent, open_filesystem
from oilake.jobs.tables.dictionary_choice import repeating_columns
from oilake.jobs.tables.warehouse import Warehouse
from oilake.quality import suites as quality
from oilake.quality.metrics import Metrics, MetricsCollector
from oilake.schemas.loader import Table, arrow_schema

ROW_GROUP = 1 << 20
GROUP_BYTES = 256 << 20
BATCH = 1 << 16


@dataclass(frozen=True)
class StagedFile:
    """One Parquet file: `path` is relative to the table's folder, `stats` are Delta's, as JSON.

    `tally`: how its rows keep the row-level promises; None where each was judged before it was written.
    """

    table: str
    path: str
    partition: dict[str, str]
    size: int
    rows: int
    stats: str
    tally: Metrics | None = None

    def __post_init__(self) -> None:
        """StoreError where a note or a log names a file outside the table's folder: it may be deleted later."""
        if leads_out(self.path) or leads_out(self.table) or "/" in self.table:
            raise StoreError(
                f"{self.table}: a note of its files names {self.path}, which is not in its folder; restore the warehouse"
            )


class Writer:
    """Writes one Parquet file of one partition, row group by row group; close() tells what was written.

    Columns come in the order and types of the table's schema (dictionary-encoded strings are fine). Rows are audited as they
    pass, unless `is_judged` says that none came here that breaks a promise.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        table: Table,
        partition: Mapping[str, str],
        run_id: str,
        number: int,
        is_judged: bool = False,
    ) -> None:
        folder = "/".join(f"{name}={checked_part(name, partition[name])}" for name in table.partition_by)
        name = f"part-{number:05d}-{run_id}-{uuid.uuid4().hex[:8]}.parquet"
        self.table, self.partition = table, dict(partition)
        self.path = f"{folder}/{name}" if folder else name
        self.uri = warehouse.table_uri(table.table, self.path)
        self._schema = arrow_schema(table)
        self._batches: list[pa.Table] = []
        self._waiting = self._bytes = 0
        self._writer: pq.ParquetWriter | None = None
        suite = quality.load_suite(table.table)
        counted = suite.counted("table") if is_judged else suite.counted("row", "table")
        self._auditor = None if is_judged and not counted else MetricsCollector(counted, partition, suite.key())

    def write(self, rows: pa.Table) -> None:
        """Takes rows, and writes them once there are enough for a row group."""
        if not len(rows):
            return
        if self._auditor:
            self._auditor.add(rows)
        self._batches.append(rows)
        self._waiting += len(rows)
        self._bytes += rows.nbytes
        if self._waiting >= ROW_GROUP or self._bytes >= GROUP_BYTES:
            self._write_row_group()

    def close(self, notes: Mapping[str, str] | None = None) -> StagedFile:
        """Ends the file, with `notes` in its footer; what it holds, with Delta's statistics."""
        if self._waiting or self._writer is None:
            self._write_row_group()
        assert self._writer is not None
        if notes:
            self._writer.add_key_value_metadata(dict(notes))
        self._writer.close()
        self._sink.close()
        return _staged_file(self, self._auditor.tally if self._auditor else None)

    def close_filled(self) -> StagedFile | None:
        """As close(); None, and no file, where no row came."""
        return self.close() if self._waiting or self._writer else None

    def _told_columns(self) -> tuple[str, ...]:
        """The columns that statistics are kept of: files are in no other order than that of the first one, unless each row
        group is small."""
        return self.table.sort_by if self.table.lookup_rows else self.table.sort_by[:1]

    def _write_row_group(self) -> None:
        rows = _concat_batches(self._batches, self._schema)
        if self._writer is None:
            store, path = open_filesystem(self.uri)
            make_parent(store, path)
            self._sink = store.open_output_stream(path, compression=None)
            self._writer = pq.ParquetWriter(
                self._sink,
                rows.schema,
                compression="zstd",
                compression_level=1,
                store_schema=False,
                write_batch_size=BATCH,
                use_dictionary=repeating_columns(rows),
                write_statistics=list(self._told_columns()),
            )
        self._writer.write_table(rows, row_group_size=self.table.lookup_rows or ROW_GROUP * 2)
        self._batches, self._waiting, self._bytes = [], 0, 0


def stage_copy(
    uri: str, warehouse: Warehouse, table: Table, partition: Mapping[str, str], run_id: str, number: int
) -> StagedFile:
    """A Parquet file of the same table, staged once more for another partition."""
    writer = Writer(warehouse, table, partition, run_id, number, is_judged=True)
    store, path = open_filesystem(writer.uri)
    make_parent(store, path)
    store.copy_file(open_filesystem(uri)[1], path)
    return _staged_file(writer, None)


def _staged_file(writer: Writer, tally: Metrics | None) -> StagedFile:
    store, path = open_filesystem(writer.uri)
    metadata = pq.read_metadata(path, filesystem=store)
    stats = json.dumps(delta_statistics(metadata, writer.table))
    return StagedFile(
        writer.table.table, writer.path, writer.partition, file_size(writer.uri) or 0, metadata.num_rows, stats, tally
    )


def _concat_batches(batches: list[pa.Table], schema: pa.Schema) -> pa.Table:
    """The batches as one table; a dictionary is shared by all of them, or Parquet would fall back to plain text."""
    if not batches:
        return schema.empty_table()
    return pa.concat_tables(batches).unify_dictionaries()


def stage_rows(
    warehouse: Warehouse,
    table: Table,
    partition: Mapping[str, str],
    run_id: str,
    rows: pa.Table,
    notes: Mapping[str, str] | None = None,
) -> StagedFile:
    """All `rows` of one partition as one staged file, with `notes` in its footer."""
    writer = Writer(warehouse, table, partition, run_id, 0)
    writer.write(rows)
    return writer.close(dict(notes) if notes else None)


def delta_statistics(metadata: pq.FileMetaData, table: Table) -> dict[str, Any]:
    """Delta's statistics of a Parquet file: rows, and the least and greatest value of what it is sorted by, as far as its
    own statistics tell."""
    delta_stats: dict[str, Any] = {"numRecords": metadata.num_rows, "minValues": {}, "maxValues": {}, "nullCount": {}}
    for n in range(metadata.num_columns):
        name = metadata.schema.column(n).path
        groups = [metadata.row_group(g).column(n).statistics for g in range(metadata.num_row_groups)]
        if not groups or any(s is None or not s.has_null_count for s in groups):
            continue
        delta_stats["nullCount"][name] = sum(s.null_count for s in groups)
        ends = [s for s in groups if s.has_min_max]
        if name in table.sort_by and ends and len(ends) == len([s for s in groups if s.num_values]):
            delta_stats["minValues"][name] = min(s.min for s in ends)
            delta_stats["maxValues"][name] = max(s.max for s in ends)
    return delta_stats


def read_staged(warehouse: Warehouse, file: StagedFile) -> pa.Table:
    """The rows of a small staged file, without its partition's columns."""
    store, path = open_filesystem(warehouse.table_uri(file.table, file.path))
    return pq.read_table(path, filesystem=store, partitioning=None)
