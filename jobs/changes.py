"""Compares two releases: label_changes, image_changes and class_history tell what the later one says otherwise."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial

from pyspark.sql import SparkSession

from oilake.conf.errors import ConfigError, DataQualityError
from oilake.conf.settings import Settings
from oilake.jobs.maintaining import sorting
from oilake.jobs.pipeline.derived_job import DerivedTask, run_derived_job
from oilake.jobs.reconciling import compare_kernel
from oilake.jobs.reconciling.compare_kernel import CompareContext, CompareResult
from oilake.jobs.runtime import entrypoint, options, spark_tasks
from oilake.jobs.runtime.printing import print_text
from oilake.jobs.scanning import key_ranges
from oilake.jobs.scanning.filled_columns import filled_columns
from oilake.jobs.scanning.merge_scan import Side
from oilake.jobs.tables import publish
from oilake.jobs.tables.published_slices import published_slices, read_property
from oilake.jobs.tables.slice_files import PublishedFile, published_files, small_rows
from oilake.jobs.tables.snapshots import INGEST, Snapshot, pin_snapshots, require_snapshot
from oilake.jobs.tables.staging import StagedFile, stage_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms import class_history, image_changes, label_changes
from oilake.jobs.transforms.class_vocabulary import build_vocabulary
from oilake.jobs.transforms.release_diff import FROM, TO, side_name
from oilake.schemas import loader as schemas

CHANGES, RECONCILE = "changes", "reconcile"
INPUT_TABLES = ("images", "classes", "image_labels")
KINDS = {"images": image_changes.CHANGES, "labels": label_changes.CHANGES, "classes": class_history.CHANGES}
# Rows of both releases that a span has at most: fewer make every task read the ends of more row groups twice.
LARGEST = 1 << 25
BATCH, WIDE_BATCH = 1 << 18, 1 << 15

SnapshotsByName = Mapping[str, Snapshot]
ChangeCounts = dict[str, dict[str, int]]


@dataclass
class ChangesOutcome:
    """Two releases. `changes`: images, labels and classes -> change -> count; `seconds`: the work; `start_seconds`: Spark's
    start beside it."""

    from_release: str
    to_release: str
    warehouse: str
    changed: bool
    changes: ChangeCounts = field(default_factory=dict)
    seconds: float = 0.0
    start_seconds: float = 0.0

    def as_text(self) -> str:
        """The outcome as a few lines for a person."""
        pair = f"{self.from_release} to {self.to_release}"
        lines = [f"{pair:<20}" + "".join(name.rjust(13) for name in self.changes)]
        for change in dict.fromkeys(change for kinds in KINDS.values() for change in kinds):
            counts = (
                f"{change_counts[change]:,}" if change in change_counts else "–"
                for change_counts in self.changes.values()
            )
            lines.append(f"{change:<20}" + "".join(count.rjust(13) for count in counts))
        return "\n".join([*lines, self._outcome_sentence(pair)])

    def _outcome_sentence(self, pair: str) -> str:
        if not self.changed:
            return f"{pair}: nothing changed since they were compared in {self.warehouse}; --force redoes it"
        return (
            f"{pair}: published in {self.warehouse}: {self.seconds:.1f} s, "
            f"and {self.start_seconds:.1f} s for Spark's start"
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", required=True, metavar="R", dest="from_release", help="earlier release, such as v2")
    parser.add_argument("--to", required=True, metavar="R", dest="to_release", help="later release, such as v3")
    options.add_places(parser, "warehouse")
    parser.add_argument("--force", action="store_true", help="compare again even if nothing changed")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(arguments: argparse.Namespace) -> int:
    settings = options.load_settings(arguments)
    outcome = changes(settings, arguments.from_release, arguments.to_release, arguments.force)
    print_text(json.dumps(asdict(outcome)) if arguments.json else outcome.as_text())
    return 0


def changes(settings: Settings, from_release: str, to_release: str, force: bool = False) -> ChangesOutcome:
    """Publishes what differs between two reconciled releases; does nothing when the same rows were compared by the same
    code. ConfigError when they cannot be compared."""
    warehouse = Warehouse.of(settings)
    if from_release == to_release:
        raise ConfigError(f"--from and --to are both {from_release}; name two releases")
    publish.recover(warehouse)
    warehouse = pin_snapshots(warehouse)
    pair = {FROM: require_snapshot(warehouse, from_release), TO: require_snapshot(warehouse, to_release)}
    _refuse_incomparable(warehouse, pair)
    inputs = {
        f"{table} of {snapshot.release}": str(snapshot.table_versions[table])
        for snapshot in pair.values()
        for table in INPUT_TABLES
    }
    depends_on = tuple(
        (snapshot.release, job, snapshot.fingerprints[job]) for snapshot in pair.values() for job in (INGEST, RECONCILE)
    )
    reads = tuple((snapshot, table) for snapshot in pair.values() for table in INPUT_TABLES)
    task = DerivedTask(CHANGES, pair[TO], inputs, depends_on, since=from_release, reads=reads)

    def stage_changes(spark: SparkSession, run_id: str) -> tuple[Sequence[StagedFile], ChangeCounts]:
        return _compare_tables(spark, warehouse, pair, run_id)

    done = run_derived_job(settings, task, stage_changes, force)
    return ChangesOutcome(
        from_release, to_release, warehouse.uri, done.changed, done.found, done.seconds, done.start_seconds
    )


def _refuse_incomparable(warehouse: Warehouse, pair: SnapshotsByName) -> None:
    for snapshot in pair.values():
        published_slices(warehouse, "image_labels", snapshot.release)
    before, after = (read_property(warehouse, snapshot, RECONCILE, "policy") for snapshot in pair.values())
    if before != after:
        raise ConfigError(
            f"{warehouse}: {pair[FROM].release} and {pair[TO].release} were reconciled by different policies ({before} and "
            f"{after}); run `oilake reconcile` for one of them again with the other's policy"
        )


def _compare_tables(
    spark: SparkSession, warehouse: Warehouse, pair: SnapshotsByName, run_id: str
) -> tuple[Sequence[StagedFile], ChangeCounts]:
    """The staged files of all three tables, and the counts of changes by KINDS."""
    sorting.restore_order(spark, warehouse, list(pair.values()), ("images", "image_labels"), run_id)
    class_rows = {
        role: small_rows(warehouse, "classes", snapshot, list(class_history.COLUMNS)) for role, snapshot in pair.items()
    }
    distinct = {row["mid"]: row for rows in class_rows.values() for row in rows}
    context = CompareContext(
        pair[FROM].release,
        pair[TO].release,
        warehouse,
        run_id,
        build_vocabulary(list(distinct.values())),
        _shared_columns(warehouse, pair),
    )
    results_by_name = {
        "images": _compare_table(spark, warehouse, pair, "images", context),
        "labels": _compare_table(spark, warehouse, pair, "image_labels", context),
    }
    history = class_history.compare_classes(class_rows[FROM], class_rows[TO])
    partition = {"from_release": context.from_release, "to_release": context.to_release}
    staged = [result.staged for results in results_by_name.values() for result in results if result.staged]
    staged.append(stage_rows(warehouse, schemas.table_schema("class_history"), partition, run_id, history))
    counted = {
        name: sum((result.changes for result in results), Counter[str]()) for name, results in results_by_name.items()
    }
    counted["classes"] = Counter(compare_kernel.change_counts(history))
    return staged, {name: {kind: counted[name][kind] for kind in kinds} for name, kinds in KINDS.items()}


def _shared_columns(warehouse: Warehouse, pair: SnapshotsByName) -> tuple[str, ...]:
    """The columns of `images` that both releases give: what only one of them has is no change of an image."""
    given = [
        filled_columns([file.uri for file in published_files(warehouse, "images", snapshot)], image_changes.COLUMNS)
        for snapshot in pair.values()
    ]
    return tuple(name for name in given[0] if name in given[1])


def _compare_table(
    spark: SparkSession, warehouse: Warehouse, pair: SnapshotsByName, table: str, context: CompareContext
) -> list[CompareResult]:
    """What the tasks found in one table of both releases."""
    cores = spark.sparkContext.defaultParallelism
    published = {role: published_files(warehouse, table, snapshot) for role, snapshot in pair.items()}
    kernel = partial(
        compare_kernel.compare_images if table == "images" else compare_kernel.compare_labels, context=context
    )
    splits = key_ranges.balance_by_rows(
        key_ranges.plan_key_ranges(table, _merge_sides(table, published, context), cores, LARGEST), cores
    )
    label = f"{context.from_release} to {context.to_release}: comparing {table}"
    results = spark_tasks.run_tasks(spark, splits, kernel, warehouse.uri, label)
    compared_rows, published_rows = (
        sum(result.read for result in results),
        sum(file.rows for role_files in published.values() for file in role_files),
    )
    if compared_rows != published_rows:
        raise DataQualityError(
            f"{label}: {published_rows:,} rows are published, {compared_rows:,} were compared; please report this"
        )
    return results


def _merge_sides(
    table: str, published: Mapping[str, Sequence[PublishedFile]], context: CompareContext
) -> dict[str, Side]:
    """A side for each release and subset: the subset of a row is that of its file."""
    uris: dict[str, list[str]] = {}
    for role, role_files in published.items():
        for file in role_files:
            uris.setdefault(side_name(role, file.partition["subset"]), []).append(file.uri)
    if table == "images":
        return {
            name: Side(tuple(side_uris), context.image_columns, WIDE_BATCH, True) for name, side_uris in uris.items()
        }
    return {name: Side(tuple(side_uris), label_changes.COLUMNS, BATCH) for name, side_uris in uris.items()}


if __name__ == "__main__":
    raise SystemExit(entrypoint.main("changes", __doc__, add_arguments, run))
