"""Tables are sorted by image inside each partition: files that were not are sorted, small partitions by a task each in
memory, others by an ordinary Spark shuffle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise

from pyspark.sql import SparkSession

from oilake.jobs.ingesting.chunk_kernel import MEMBER_NOTE, ChunkReport
from oilake.jobs.ingesting.sort_kernel import UnsortedGroup, sort_group
from oilake.jobs.runtime import spark_tasks
from oilake.jobs.tables import spark_writer
from oilake.jobs.tables.quoting import parquet_schema, plain_files
from oilake.jobs.tables.staging import StagedFile
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas

# Whichever is reached first: rows of narratives weigh a thousand times those of labels.
BYTES_PER_FILE = 512 << 20
# What a task may sort: some 300 MB once it is unpacked, and as much again where row groups are written.
MEMORY_BYTES, MEMORY_ROWS = 64 << 20, 2_000_000

# Staged files by table and partition.
UnsortedGroups = Mapping[tuple[str, str], Sequence[StagedFile]]


def unsorted_files(reports: Sequence[ChunkReport]) -> dict[tuple[str, str], list[StagedFile]]:
    """The staged files of each partition, by (table, partition), whose files are out of order or overlap."""
    files: dict[tuple[str, str], list[tuple[str, str, bool, StagedFile]]] = {}
    for report in reports:
        if not schemas.table_schema(report.table).sort_by:
            continue
        for staged in report.staged:
            key = "/".join(staged.partition.values())
            first, last = report.ends[key]
            files.setdefault((report.table, key), []).append((first, last, report.is_sorted[key], staged))
    return {key: [entry[3] for entry in entries] for key, entries in files.items() if not _are_in_order(entries)}


def _are_in_order(entries: Sequence[tuple[str, str, bool, StagedFile]]) -> bool:
    """Whether each file is sorted and no two overlap by more than the image they share at their ends."""
    ordered = sorted(entries, key=lambda entry: (entry[0], entry[1]))
    return all(entry[2] for entry in entries) and all(a[1] <= b[0] for a, b in pairwise(ordered))


def sort_by_image(
    spark: SparkSession,
    warehouse: Warehouse,
    run_id: str,
    found: UnsortedGroups,
    digests: Mapping[str, str],
) -> list[StagedFile]:
    """New staged files with the same rows, sorted by image, instead of those in `found`.

    `digests`: what decides the rows of a file, by its path; noted where it is one for all of a partition.
    """
    groups = [UnsortedGroup(table, tuple(files), _shared_note(files, digests)) for (table, _), files in found.items()]
    small = [[group] for group in groups if _fits_in_memory(group.files)]
    work = partial(sort_group, warehouse=warehouse, run_id=run_id)
    sorted_files = spark_tasks.run_tasks(spark, small, work, warehouse.uri, "sorting by image")
    for group in groups:
        if not _fits_in_memory(group.files):
            sorted_files += _shuffle_partition(spark, warehouse, run_id, group)
    return sorted_files


def _fits_in_memory(files: Sequence[StagedFile]) -> bool:
    return sum(file.size for file in files) <= MEMORY_BYTES and sum(file.rows for file in files) <= MEMORY_ROWS


def _shared_note(files: Sequence[StagedFile], digests: Mapping[str, str]) -> dict[str, str]:
    distinct = {digests.get(file.path, "") for file in files}
    return {MEMBER_NOTE: distinct.pop()} if len(distinct) == 1 and "" not in distinct else {}


def _shuffle_partition(
    spark: SparkSession, warehouse: Warehouse, run_id: str, group: UnsortedGroup
) -> list[StagedFile]:
    table = schemas.table_schema(group.table)
    stored = parquet_schema([(column.name, column.type) for column in table.stored()])
    rows, size = sum(file.rows for file in group.files), sum(file.size for file in group.files)
    count = max(1, round(rows / spark_writer.ROWS_PER_FILE), size // BYTES_PER_FILE)
    paths = [warehouse.spark_path(group.table, file.path) for file in group.files]
    frame = plain_files(spark).schema(stored).parquet(*paths)
    return spark_writer.stage_frame(
        spark,
        frame,
        warehouse,
        table,
        group.files[0].partition,
        run_id,
        count,
        f"sorting {group.table}",
        group.notes,
    )
