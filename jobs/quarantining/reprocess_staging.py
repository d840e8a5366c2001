"""Stages the publication that moves quarantined rows into their tables: merged files, those that stay, and the counts."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import partial

import pyarrow as pa
from pyspark.sql import SparkSession

from oilake.conf.errors import DataQualityError
from oilake.conf.registry import Release
from oilake.conf.settings import Settings
from oilake.jobs.ingesting.repairs import COUNT_NAMES
from oilake.jobs.maintaining import sorting
from oilake.jobs.pipeline.gated_publication import StagedPublication
from oilake.jobs.quarantining import merge_kernel, reprocess_kernel
from oilake.jobs.quarantining.merge_kernel import MergeTarget
from oilake.jobs.quarantining.outcome import moved_by_table, reasons_by_table
from oilake.jobs.quarantining.records import (
    MovedRows,
    RereadFile,
    SortedRun,
)
from oilake.jobs.quarantining.released_tables import TABLES
from oilake.jobs.quarantining.reprocess_plan import ReprocessPlan
from oilake.jobs.runtime import code_version, spark_tasks
from oilake.jobs.tables import cleanup
from oilake.jobs.tables.publication import Publication
from oilake.jobs.tables.published_slices import current_slice
from oilake.jobs.tables.slice_files import published_files, small_rows
from oilake.jobs.tables.snapshots import INGEST, RELEASE, Snapshot
from oilake.jobs.tables.staged_slices import staged_at
from oilake.jobs.tables.staging import StagedFile, stage_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.validation.publish_gate import PublishFacts
from oilake.schemas import loader as schemas

MODULE = "oilake.jobs.quarantining.reprocess"


def stage_publication(
    spark: SparkSession, settings: Settings, release: Release, plan: ReprocessPlan
) -> StagedPublication[Sequence[MovedRows]]:
    warehouse, pin, run_id = Warehouse.of(settings), plan.pin, plan.context.run_id
    cores, name = spark.sparkContext.defaultParallelism, pin.release
    published = [table for table in TABLES if table in pin.table_versions]
    sorting.restore_order(spark, warehouse, [pin], published, run_id)
    moving, what = partial(reprocess_kernel.move_rows, context=plan.context), f"{name}: releasing rows"
    moved_files = spark_tasks.run_tasks(spark, _balance_items(plan.parts, cores), moving, warehouse.uri, what)
    runs: dict[str, SortedRun] = {
        warehouse.table_uri(run.staged.table, run.staged.path): run for moved in moved_files for run in moved.runs
    }
    targets = _merge_targets(warehouse, pin, runs)
    merging, what = (
        partial(merge_kernel.merge_file, warehouse=warehouse, run_id=run_id),
        f"{name}: merging sorted files",
    )
    merged = spark_tasks.run_tasks(spark, _balance_items(targets, cores), merging, warehouse.uri, what)
    cleanup.delete_replaced([run.staged for run in runs.values()], warehouse)
    staged = [*merged, *(file for moved in moved_files for file in moved.staged)]
    kept = _kept_files(warehouse, pin, targets, plan.parts, {file.table for file in staged})
    _check_row_counts(warehouse, pin, staged, kept, moved_files)
    staged.append(_release_files(warehouse, pin, moved_files, run_id))
    inputs = {table: str(pin.table_versions[table]) for table in kept if table in pin.table_versions}
    notes = {
        "released": json.dumps(moved_by_table(moved_files)),
        "released_reasons": json.dumps(reasons_by_table(moved_files)),
    }
    basis = ((name, INGEST, pin.fingerprints[INGEST]),)
    fingerprint = _reprocess_fingerprint(settings, release, pin)
    publication = Publication(
        name, run_id, pin.status, fingerprint, RELEASE, inputs, tuple(staged), basis, notes=notes, kept=kept
    )
    return StagedPublication(
        publication, PublishFacts(unique=schemas.image_tables(), is_complete=pin.status == "complete"), moved_files
    )


def _balance_items(
    items: Sequence[RereadFile] | Sequence[MergeTarget], cores: int
) -> list[list[RereadFile | MergeTarget]]:
    """The items of each task, no more tasks than cores."""
    count = min(cores, len(items))
    return [list(items[n::count]) for n in range(count)]


def _merge_targets(warehouse: Warehouse, pin: Snapshot, runs: Mapping[str, SortedRun]) -> list[MergeTarget]:
    partitions: dict[tuple[str, str], dict[str, SortedRun]] = {}
    for uri, run in runs.items():
        partitions.setdefault((run.staged.table, json.dumps(run.staged.partition)), {})[uri] = run
    standing = {table: published_files(warehouse, table, pin) for table in {table for table, _ in partitions}}
    planned = []
    for (table, partition), some in partitions.items():
        values = json.loads(partition)
        planned += merge_kernel.merge_targets(
            table, values, [f for f in standing[table] if f.partition == values], some
        )
    return planned


def _kept_files(
    warehouse: Warehouse,
    pin: Snapshot,
    targets: Sequence[MergeTarget],
    parts: Sequence[RereadFile],
    staged: Collection[str],
) -> dict[str, tuple[StagedFile, ...]]:
    """By table: the published files that stay. What an older publication left of `released` does not."""
    gone = {target.published for target in targets} | {part.uri for part in parts}
    names = {"quarantine", *(target.table for target in targets)} | ({"repairs"} & {*staged})
    names |= {"released"} & {*pin.table_versions}
    kept: dict[str, tuple[StagedFile, ...]] = {"release_files": ()}
    for table in sorted(names):
        every = staged_at(warehouse, table, current_slice(warehouse, table, pin).version, {"release": pin.release})
        kept[table] = tuple(file for file in every if warehouse.table_uri(table, file.path) not in gone)
    return kept


def _check_row_counts(
    warehouse: Warehouse,
    pin: Snapshot,
    staged: Sequence[StagedFile],
    kept: Mapping[str, Sequence[StagedFile]],
    moved_files: Sequence[MovedRows],
) -> None:
    """PromiseError, before anything is published, when a row is lost or doubled."""
    moved = moved_by_table(moved_files)
    repaired = sum(
        counts[name] for entry in moved_files for counts in entry.counts.values() for name in {*COUNT_NAMES.values()}
    )
    changes = {**moved, "quarantine": -sum(moved.values())} | ({"repairs": repaired} if repaired else {})
    for table, change in changes.items():
        before = sum(file.rows for file in published_files(warehouse, table, pin))
        after = sum(file.rows for file in [*kept[table], *(entry for entry in staged if entry.table == table)])
        if after != before + change:
            raise DataQualityError(
                f"{pin.release}: {after:,} rows of {table} would stand after {before:,} and {change:+,}; nothing was "
                "published, please report this"
            )


def _release_files(warehouse: Warehouse, pin: Snapshot, moved_files: Sequence[MovedRows], run_id: str) -> StagedFile:
    """The rows of `release_files` with the released rows counted as kept ones."""
    table = schemas.table_schema("release_files")
    schema = schemas.arrow_schema(table)
    rows = small_rows(warehouse, "release_files", pin)
    for row in rows:
        for moved in moved_files:
            for column, change in moved.counts.get((row["file"], row["member"]), Counter[str]()).items():
                row[column] += change
    rows.sort(key=lambda row: (row["file"], row["member"]))
    data = pa.table({name: [row.get(name) for row in rows] for name in schema.names}, schema=schema)
    return stage_rows(warehouse, table, {"release": pin.release}, run_id, data)


def _reprocess_fingerprint(settings: Settings, release: Release, pin: Snapshot) -> str:
    """SHA-256 over all that decides the rows: what the ingest read and decided, and what judged its quarantine later.

    It is no ingest's own: rows that were kept were not judged again, so the next `oilake ingest` reads everything.
    """
    key_parts = (
        RELEASE,
        pin.fingerprints[INGEST],
        pin.table_versions["quarantine"],
        release,
        settings.limits.field_bytes,
    )
    return hashlib.sha256(repr(key_parts).encode() + code_version.code_digest(MODULE, RELEASE, INGEST)).hexdigest()
