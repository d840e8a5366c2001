"""Brings small files together: neighbours in the order of the table become one sorted file, so that no two overlap more."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat

import pyarrow as pa
import pyarrow.parquet as pq

from oilake.jobs.runtime.filesystem import open_filesystem
from oilake.jobs.tables.parquet_footers import footer_notes
from oilake.jobs.tables.repair_commands import unreadable_rows_error
from oilake.jobs.tables.rewrite_files import exchange_files
from oilake.jobs.tables.staging import StagedFile, Writer
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas
from oilake.schemas.loader import Table

# Bytes and rows of a file that is small, and of one that several small ones make at most.
SMALL_BYTES, SMALL_ROWS = 16 << 20, 1 << 20
LARGEST_BYTES, LARGEST_ROWS = 64 << 20, 4 << 20
READERS = 8
RUNS_TOGETHER = 10


def plan_compaction(warehouse: Warehouse, table: str, files: Sequence[StagedFile]) -> list[list[StagedFile]]:
    """The files of one partition that become one each: at least two, or RUNS_TOGETHER where every run adds one.
    A file whose text other releases take over, which its footer says, stays as it is."""
    schema = schemas.table_schema(table)
    least = RUNS_TOGETHER if schema.grows_by_run() else 2
    groups = [group for group in _neighbour_groups(_in_row_order(schema, files)) if len(group) >= least]
    uris = [warehouse.table_uri(table, file.path) for group in groups for file in group]
    with ThreadPoolExecutor(READERS) as pool:
        noted = {path for path, words in zip(uris, pool.map(_read_notes, uris, repeat(table)), strict=True) if words}
    kept = [file for file in files if warehouse.table_uri(table, file.path) in noted]
    if not kept:
        return groups
    regrouped = _neighbour_groups(_in_row_order(schema, files), {file.path for file in kept})
    return [group for group in regrouped if len(group) >= least]


def _in_row_order(table: Table, files: Sequence[StagedFile]) -> list[StagedFile]:
    """The files in the order of their first rows; where no statistics tell it, of their names."""
    if not table.sort_by:
        return sorted(files, key=lambda file: file.path)
    least = {file.path: json.loads(file.stats).get("minValues", {}).get(table.sort_by[0]) for file in files}
    return sorted(files, key=lambda file: (least[file.path] is None, str(least[file.path]), file.path))


def _neighbour_groups(files: Sequence[StagedFile], kept: set[str] | None = None) -> Iterator[list[StagedFile]]:
    group: list[StagedFile] = []
    for file in files:
        if file.size >= SMALL_BYTES or file.rows >= SMALL_ROWS or file.path in (kept or ()):
            yield group
            group = []
            continue
        several = [*group, file]
        is_full = (
            sum(member.size for member in several) > LARGEST_BYTES
            or sum(member.rows for member in several) > LARGEST_ROWS
        )
        if is_full:
            yield group
        group = [file] if is_full else several
    yield group


def _read_notes(path: str, table: str) -> dict[str, str]:
    try:
        return footer_notes(path)
    except (OSError, pa.ArrowException) as error:
        raise unreadable_rows_error(path, error) from None


def compact_files(warehouse: Warehouse, table: str, files: Sequence[StagedFile], run_id: str) -> bool:
    """Puts one file with the rows of these, in the table's order, in their place; whether no other run was there first."""
    schema = schemas.table_schema(table)
    rows = pa.concat_tables([_read_file(warehouse, schema, file) for file in files])
    if schema.sort_by:
        rows = rows.sort_by([(column, "ascending") for column in schema.sort_by])
    writer = Writer(warehouse, schema, files[0].partition, run_id, 0, is_judged=True)
    writer.write(rows)
    return exchange_files(warehouse, table, files, [writer.close()], run_id)


def _read_file(warehouse: Warehouse, table: Table, file: StagedFile) -> pa.Table:
    path = warehouse.table_uri(table.table, file.path)
    store, inside = open_filesystem(path)
    try:
        return pq.read_table(inside, filesystem=store, schema=schemas.arrow_schema(table), partitioning=None)
    except (OSError, pa.ArrowException) as error:
        raise unreadable_rows_error(path, error) from None
