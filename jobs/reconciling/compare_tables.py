"""Places the comparison of the tables of two releases: ranges of images shared by tasks, and that no row was left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from pyspark.sql import SparkSession

from oilake.conf.errors import DataQualityError
from oilake.jobs.reconciling import compare_kernel
from oilake.jobs.reconciling.compare_kernel import CompareContext, CompareResult
from oilake.jobs.runtime import spark_tasks
from oilake.jobs.scanning import key_ranges
from oilake.jobs.scanning.filled_columns import filled_columns
from oilake.jobs.scanning.key_ranges import KeyRange
from oilake.jobs.scanning.merge_scan import Side
from oilake.jobs.tables.slice_files import PublishedFile, published_files
from oilake.jobs.tables.snapshots import Snapshot
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms import box_changes, image_changes, label_changes
from oilake.jobs.transforms.release_diff import side_name

# Rows of both releases that a span has at most: fewer make every task read the ends of more row groups twice.
LARGEST = 1 << 25
BATCH, WIDE_BATCH = 1 << 18, 1 << 15

SnapshotsByName = Mapping[str, Snapshot]


@dataclass(frozen=True)
class TableComparison:
    """How the rows of one table are compared: the work of a task, and how it reads them (see Side)."""

    kernel: Callable[..., Iterator[CompareResult]]
    columns: tuple[str, ...]
    batch: int
    is_plain: bool = False


COMPARISONS = {
    "images": TableComparison(compare_kernel.compare_images, image_changes.COLUMNS, WIDE_BATCH, True),
    "image_labels": TableComparison(compare_kernel.compare_labels, label_changes.COLUMNS, BATCH),
    "boxes": TableComparison(compare_kernel.compare_boxes, box_changes.COLUMNS, BATCH),
}


def given_columns(warehouse: Warehouse, pair: SnapshotsByName) -> dict[str, tuple[str, ...]]:
    """The columns of `images` that each release gives of each subset, by side: a list may be taken of one subset alone."""
    published = {role: published_files(warehouse, "images", snapshot) for role, snapshot in pair.items()}
    return {name: tuple(filled_columns(uris, image_changes.COLUMNS)) for name, uris in _uris_by_side(published).items()}


def compare_tables(
    spark: SparkSession, warehouse: Warehouse, pair: SnapshotsByName, context: CompareContext
) -> dict[str, list[CompareResult]]:
    """What the tasks found of each table in both releases, in one wave: no core waits at the end of a table for the next."""
    cores = spark.sparkContext.defaultParallelism
    published = {
        table: {role: published_files(warehouse, table, snapshot) for role, snapshot in pair.items()}
        for table in COMPARISONS
    }
    spans = [
        span
        for table, by_role in published.items()
        for span in key_ranges.plan_key_ranges(table, _merge_sides(table, by_role, context), cores, LARGEST)
    ]
    label = f"{context.from_release} to {context.to_release}: comparing"
    work = partial(_compare_span, context=context)
    results = spark_tasks.run_tasks(spark, key_ranges.balance_by_rows(spans, cores), work, warehouse.uri, label)
    by_table = {table: [result for name, result in results if name == table] for table in COMPARISONS}
    for table, by_role in published.items():
        _refuse_left_out(f"{label} {table}", by_table[table], by_role)
    return by_table


def _compare_span(span: KeyRange, context: CompareContext) -> Iterator[tuple[str, CompareResult]]:
    """(The table of the span, what was found in it.)"""
    for result in COMPARISONS[span.subset].kernel(span, context=context):
        yield span.subset, result


def _refuse_left_out(
    label: str, results: Sequence[CompareResult], published: Mapping[str, Sequence[PublishedFile]]
) -> None:
    """DataQualityError where other rows were compared than are published."""
    compared_rows = sum(result.read for result in results)
    published_rows = sum(file.rows for role_files in published.values() for file in role_files)
    if compared_rows != published_rows:
        raise DataQualityError(
            f"{label}: {published_rows:,} rows are published, {compared_rows:,} were compared; please report this"
        )


def _merge_sides(
    table: str, published: Mapping[str, Sequence[PublishedFile]], context: CompareContext
) -> dict[str, Side]:
    """A side for each release and subset."""
    compared = COMPARISONS[table]
    return {
        name: Side(
            tuple(uris),
            context.image_columns[name] if table == "images" else compared.columns,
            compared.batch,
            compared.is_plain,
        )
        for name, uris in _uris_by_side(published).items()
    }


def _uris_by_side(published: Mapping[str, Sequence[PublishedFile]]) -> dict[str, list[str]]:
    """The files by side: the subset of a row is that of its file."""
    uris: dict[str, list[str]] = {}
    for role, role_files in published.items():
        for file in role_files:
            uris.setdefault(side_name(role, file.partition["subset"]), []).append(file.uri)
    return uris
