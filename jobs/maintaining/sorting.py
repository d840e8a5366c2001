"""Restores the order of files that somebody else has rewritten: merges side by side rely on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from oilake.jobs.maintaining.parts import is_ours, rewritable_files
from oilake.jobs.runtime.filesystem import open_filesystem
from oilake.jobs.runtime.progress import log_line
from oilake.jobs.tables import spark_writer
from oilake.jobs.tables.quoting import parquet_schema, plain_files
from oilake.jobs.tables.repair_commands import unreadable_rows_error
from oilake.jobs.tables.rewrite_files import exchange_files
from oilake.jobs.tables.snapshots import Snapshot
from oilake.jobs.tables.staging import StagedFile
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

BATCH = 1 << 16


def disordered_files(warehouse: Warehouse, table: str, files: Sequence[StagedFile]) -> list[StagedFile]:
    """Those files of one partition that others wrote, where one of them is out of order; reads what they are sorted by."""
    columns = schemas.table_schema(table).sort_by
    foreign_files = [file for file in files if not is_ours(file)]
    if columns and not all(_is_sorted(warehouse.table_uri(table, file.path), table, columns) for file in foreign_files):
        return foreign_files
    return []


def _is_sorted(path: str, table: str, columns: Sequence[str]) -> bool:
    store, inside = open_filesystem(path)
    last: pa.RecordBatch | None = None
    try:
        for batch in pq.ParquetFile(inside, filesystem=store).iter_batches(BATCH, columns=list(columns)):
            rows = batch if last is None else pa.concat_batches([last, batch])
            if not _never_falls(rows, columns):
                return False
            last = rows.slice(max(len(rows) - 1, 0))
    except (OSError, pa.ArrowException) as error:
        raise unreadable_rows_error(path, error) from None
    return True


def _never_falls(rows: pa.RecordBatch, columns: Sequence[str]) -> bool:
    """Whether each row comes at or after the one before it; a missing value may stand anywhere."""
    may_follow = pa.scalar(True)
    for column in reversed(columns):
        here, before = rows.column(column).slice(1), rows.column(column).slice(0, max(len(rows) - 1, 0))
        is_equal, is_greater = pc.fill_null(pc.equal(here, before), True), pc.fill_null(pc.greater(here, before), True)
        may_follow = pc.or_(is_greater, pc.and_(is_equal, may_follow))
    return bool(pc.all(may_follow).as_py() is not False)


def sort_files(spark: SparkSession, warehouse: Warehouse, table: str, files: Sequence[StagedFile], run_id: str) -> bool:
    """Puts sorted files with the same rows in the place of these of one partition; whether no other run was there first."""
    schema = schemas.table_schema(table)
    stored = parquet_schema([(column.name, column.type) for column in schema.stored()])
    frame = plain_files(spark).schema(stored).parquet(*(warehouse.spark_path(table, file.path) for file in files))
    count = max(1, math.ceil(sum(file.rows for file in files) / spark_writer.ROWS_PER_FILE))
    staged = spark_writer.stage_frame(
        spark, frame, warehouse, schema, files[0].partition, run_id, count, f"{table}: sorting what others rewrote"
    )
    return exchange_files(warehouse, table, files, staged, run_id)


def restore_order(
    spark: SparkSession, warehouse: Warehouse, pins: Sequence[Snapshot], tables: Sequence[str], run_id: str
) -> None:
    """Sorts what others have rewritten out of order in these tables of the releases, before their files are merged."""
    for table in tables:
        for files in rewritable_files(warehouse, table, {pin.release: pin for pin in pins}).groups:
            if out_of_order := disordered_files(warehouse, table, files):
                log_line(f"{table}: {len(out_of_order):,} rewritten files are out of order and are sorted again")
                sort_files(spark, warehouse, table, out_of_order, run_id)
