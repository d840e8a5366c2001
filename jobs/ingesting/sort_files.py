"""Tables are sorted by image inside each partition: files that were not are sorted, small partitions by a task each in
memory, others by an ordinary Spark shuffle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise

from pyspark.sql import SparkSession

from oilake.jobs.ingesting.chunk_kernel import MEMBER_NOTE, ChunkReport
from oilake.jobs.runtime import spark_tasks
from oilake.jobs.tables import memory_sort, spark_writer
from oilake.jobs.tables.quoting import parquet_schema, plain_files
from oilake.jobs.tables.staging import StagedFile
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas

# Whichever is reached first: rows of narratives weigh a thousand times those of labels.
BYTES_PER_FILE = 512 << 20

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
    small, large = list[list[memory_sort.UnsortedPart]](), list[tuple[Sequence[StagedFile], dict[str, str]]]()
    for (table, _), files in found.items():
        notes = _shared_note(files, digests)
        if memory_sort.fits_in_memory(files):
            uris = tuple(warehouse.table_uri(table, file.path) for file in files)
            small.append([memory_sort.UnsortedPart(table, table, uris, files[0].partition, True, notes)])
        else:
            large.append((files, notes))
    work = partial(memory_sort.sort_part, warehouse=warehouse, run_id=run_id)
    sorted_files = spark_tasks.run_tasks(spark, small, work, warehouse.uri, "sorting by image")
    for files, notes in large:
        sorted_files += _shuffle_partition(spark, warehouse, run_id, files, notes)
    return sorted_files


def _shared_note(files: Sequence[StagedFile], digests: Mapping[str, str]) -> dict[str, str]:
    distinct = {digests.get(file.path, "") for file in files}
    return {MEMBER_NOTE: distinct.pop()} if len(distinct) == 1 and "" not in distinct else {}


def _shuffle_partition(
    spark: SparkSession, warehouse: Warehouse, run_id: str, files: Sequence[StagedFile], notes: Mapping[str, str]
) -> list[StagedFile]:
    table = schemas.table_schema(files[0].table)
    stored = parquet_schema([(column.name, column.type) for column in table.stored()])
    rows, size = sum(file.rows for file in files), sum(file.size for file in files)
    count = max(1, round(rows / spark_writer.ROWS_PER_FILE), size // BYTES_PER_FILE)
    paths = [warehouse.spark_path(table.table, file.path) for file in files]
    frame = plain_files(spark).schema(stored).parquet(*paths)
    what = f"sorting {table.table}"
    return spark_writer.stage_frame(spark, frame, warehouse, table, files[0].partition, run_id, count, what, notes)
