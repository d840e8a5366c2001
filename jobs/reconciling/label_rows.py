"""Places the reconciliation of one release: ranges of images, a task each, and that no label was left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from oilake.conf.errors import DataQualityError
from oilake.conf.reconcile_policy import EVIDENCE, ORIGINS, Evidence, ReconcilePolicy
from oilake.conf.registry import SUBSETS, Release
from oilake.jobs.maintaining import sorting
from oilake.jobs.reconciling import reconcile_kernel
from oilake.jobs.reconciling.reconcile_kernel import ReconcileContext, ReconcileResult
from oilake.jobs.runtime import spark_tasks
from oilake.jobs.scanning import key_ranges
from oilake.jobs.scanning.key_ranges import KeyRange
from oilake.jobs.scanning.merge_scan import Side
from oilake.jobs.tables.slice_files import PublishedFile, published_files, small_rows
from oilake.jobs.tables.snapshots import Snapshot
from oilake.jobs.tables.staging import StagedFile
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms.class_vocabulary import build_vocabulary
from oilake.jobs.transforms.corrections import COLUMNS as CORRECTION_COLUMNS
from oilake.jobs.transforms.evidence_counts import COLUMNS
from oilake.jobs.transforms.words import CORRECTIONS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LABEL_COLUMNS = ("mid", "source", "confidence")
CLASS_COLUMNS = ["mid", "display_name", "is_trainable", "is_boxable"]

FilesByTable = Mapping[Evidence, Sequence[PublishedFile]]


def input_tables(snapshot: Snapshot) -> tuple[str, ...]:
    """The tables whose rows decide; a release that was ingested before a table of evidence was there has none of it."""
    return ("labels", "classes", "release_files", *(table for table in EVIDENCE if table in snapshot.table_versions))


def reconcile_tables(
    spark: SparkSession,
    warehouse: Warehouse,
    release: Release,
    snapshot: Snapshot,
    policy: ReconcilePolicy,
    run_id: str,
    corrections: StagedFile | None = None,
) -> list[ReconcileResult]:
    """What the tasks made of the release's published labels, of the evidence beside them, and of staged `corrections`."""
    tables = [table for table in EVIDENCE if table in snapshot.table_versions]
    sorting.restore_order(spark, warehouse, [snapshot], ("labels", *tables), run_id)
    labels = published_files(warehouse, "labels", snapshot)
    evidence = {table: published_files(warehouse, table, snapshot) for table in tables}
    corrected = _corrected_side(warehouse, corrections)
    cores = spark.sparkContext.defaultParallelism
    default_sources: dict[str, str] = {}
    for source, origin in release.sources.items():
        default_sources.setdefault(origin, source)
    classes = build_vocabulary(small_rows(warehouse, "classes", snapshot, CLASS_COLUMNS))
    taken = _taken_tables(warehouse, snapshot, evidence)
    context = ReconcileContext(release.release, warehouse, run_id, policy, default_sources, classes, taken)
    splits = key_ranges.balance_by_rows(_plan_key_ranges(labels, evidence, corrected, cores), cores)
    results = spark_tasks.run_tasks(
        spark,
        splits,
        partial(reconcile_kernel.reconcile_range, context=context),
        warehouse.uri,
        f"{release.release}: reconciling",
    )
    read, published = sum(result.read for result in results), sum(file.rows for file in labels)
    if read != published:
        raise DataQualityError(
            f"{snapshot.release}: {published:,} rows of labels are published, {read:,} were reconciled; please report this"
        )
    return results


def _taken_tables(warehouse: Warehouse, snapshot: Snapshot, evidence: FilesByTable) -> dict[str, tuple[Evidence, ...]]:
    """The tables of evidence that the release has of each subset: those with rows, and those of which a file was read."""
    subsets = {table: {file.partition["subset"] for file in files} for table, files in evidence.items()}
    for row in small_rows(warehouse, "release_files", snapshot):
        if row.get("table_name") in subsets:  # releases that were ingested before it was kept lack the column
            subsets[row["table_name"]] |= {*(row["subsets"] or ())}
    every = sorted({subset for of_table in subsets.values() for subset in of_table})
    return {subset: tuple(table for table in subsets if subset in subsets[table]) for subset in every}


def _corrected_side(warehouse: Warehouse, corrections: StagedFile | None) -> Side:
    uris = (warehouse.table_uri(CORRECTIONS, corrections.path),) if corrections else ()
    return Side(uris, CORRECTION_COLUMNS)


def _plan_key_ranges(
    labels: Sequence[PublishedFile], evidence: FilesByTable, corrected: Side, cores: int
) -> list[KeyRange]:
    """The spans of every subset that has labels; of all, where corrections may be of any."""
    files_by_origin = {origin: [file for file in labels if file.partition["origin"] == origin] for origin in ORIGINS}
    planned = []
    subsets = {file.partition["subset"] for file in labels} | ({*SUBSETS} if corrected.files else set())
    for subset in sorted(subsets):
        merge_sides: dict[str, Side] = {
            origin: Side(_subset_uris(files_by_origin[origin], subset), LABEL_COLUMNS) for origin in ORIGINS
        }
        merge_sides |= {table: Side(_subset_uris(files, subset), COLUMNS[table]) for table, files in evidence.items()}
        merge_sides[CORRECTIONS] = corrected
        planned += key_ranges.plan_key_ranges(subset, merge_sides, cores)
    return planned


def _subset_uris(files: Sequence[PublishedFile], subset: str) -> tuple[str, ...]:
    return tuple(file.uri for file in files if file.partition["subset"] == subset)
