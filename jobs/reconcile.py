"""Brings the machine, human and crowdsource labels of a release together: one row an image and class, image_labels."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial

from pyspark.sql import SparkSession

from oilake.conf import reconcile_policy
from oilake.conf.errors import DataQualityError
from oilake.conf.reconcile_policy import ORIGINS, ReconcilePolicy
from oilake.conf.registry import Release
from oilake.conf.settings import Settings
from oilake.jobs.maintaining import sorting
from oilake.jobs.pipeline.derived_job import DerivedTask, run_derived_job
from oilake.jobs.reconciling import reconcile_kernel
from oilake.jobs.reconciling.reconcile_kernel import ReconcileContext, ReconcileResult
from oilake.jobs.runtime import entrypoint, options, spark_tasks
from oilake.jobs.runtime.printing import print_text
from oilake.jobs.scanning import key_ranges
from oilake.jobs.scanning.key_ranges import KeyRange
from oilake.jobs.scanning.merge_scan import Side
from oilake.jobs.tables import publish
from oilake.jobs.tables.slice_files import PublishedFile, published_files, small_rows
from oilake.jobs.tables.snapshots import INGEST, Snapshot, pin_snapshots, require_snapshot
from oilake.jobs.tables.staging import StagedFile
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms import verdicts
from oilake.jobs.transforms.class_vocabulary import build_vocabulary
from oilake.jobs.transforms.image_labels import BOXES
from oilake.schemas import release_registry

RECONCILE = "reconcile"
INPUT_TABLES = ("labels", "boxes", "classes")
CLASS_COLUMNS = ["mid", "display_name", "is_trainable", "is_boxable"]
PairCounts = dict[str, dict[str, int]]

COUNTS = ("pairs", "positive", "negative", "unverified", "conflicts", "agrees", "disagrees")


@dataclass
class ReconcileOutcome:
    """One release. `rows`: subset -> count (see COUNTS); `seconds`: the work;
    `start_seconds`: Spark's start beside it."""

    release: str
    warehouse: str
    changed: bool
    policy: ReconcilePolicy
    rows: PairCounts = field(default_factory=dict)
    seconds: float = 0.0
    start_seconds: float = 0.0

    def as_text(self) -> str:
        """The outcome as a few lines for a person."""
        lines = ["release subset    " + "".join(name.rjust(13) for name in COUNTS)]
        for subset, counts in self.rows.items():
            lines.append(f"{self.release:<8}{subset:<10}" + "".join(f"{counts[name]:,}".rjust(13) for name in COUNTS))
        if not self.changed:
            lines.append(
                f"{self.release}: nothing changed since it was reconciled in {self.warehouse}; --force redoes it"
            )
            return "\n".join(lines)
        lines.append(
            f"{self.release}: image_labels published in {self.warehouse}: {self.seconds:.1f} s, "
            f"and {self.start_seconds:.1f} s for Spark's start"
        )
        return "\n".join(lines)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--release", required=True, metavar="R", help="release to reconcile, such as v3")
    parser.add_argument("--policy", metavar="FILE", help="YAML file of the policy (default: the packaged one)")
    options.add_places(parser, "warehouse", "registry")
    parser.add_argument("--force", action="store_true", help="reconcile again even if nothing changed")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(arguments: argparse.Namespace) -> int:
    settings = options.load_settings(arguments)
    release = release_registry.find_release(arguments.release, settings.registry)
    outcome = reconcile(settings, release, reconcile_policy.load_policy(arguments.policy), arguments.force)
    print_text(json.dumps(asdict(outcome)) if arguments.json else outcome.as_text())
    return 0


def reconcile(settings: Settings, release: Release, policy: ReconcilePolicy, force: bool = False) -> ReconcileOutcome:
    """Publishes `image_labels` of an ingested release; does nothing when the same rows were reconciled by the same policy
    and code."""
    warehouse, name = Warehouse.of(settings), release.release
    publish.recover(warehouse)
    warehouse = pin_snapshots(warehouse)
    snapshot = require_snapshot(warehouse, name)
    inputs = {table: str(snapshot.table_versions[table]) for table in INPUT_TABLES}
    depends_on = ((name, INGEST, snapshot.fingerprints[INGEST]),)
    properties = {"policy": policy.as_json()}
    key_parts = (list(release.sources.items()), policy)
    reads = tuple((snapshot, table) for table in INPUT_TABLES)
    task = DerivedTask(RECONCILE, snapshot, inputs, depends_on, properties, decided_by=key_parts, reads=reads)

    def stage_pairs(spark: SparkSession, run_id: str) -> tuple[Sequence[StagedFile], PairCounts]:
        results = _reconcile_labels(spark, warehouse, release, snapshot, policy, run_id)
        return [result.staged for result in results if result.staged], _subset_counts(release, policy, results)

    done = run_derived_job(settings, task, stage_pairs, force)
    return ReconcileOutcome(name, warehouse.uri, done.changed, policy, done.result, done.seconds, done.start_seconds)


def _reconcile_labels(
    spark: SparkSession,
    warehouse: Warehouse,
    release: Release,
    snapshot: Snapshot,
    policy: ReconcilePolicy,
    run_id: str,
) -> list[ReconcileResult]:
    sorting.restore_order(spark, warehouse, [snapshot], ("labels", "boxes"), run_id)
    labels, boxes = published_files(warehouse, "labels", snapshot), published_files(warehouse, "boxes", snapshot)
    cores = spark.sparkContext.defaultParallelism
    default_sources: dict[str, str] = {}
    for source, origin in release.sources.items():
        default_sources.setdefault(origin, source)
    classes = build_vocabulary(small_rows(warehouse, "classes", snapshot, CLASS_COLUMNS))
    boxed = frozenset(file.partition["subset"] for file in boxes)
    context = ReconcileContext(release.release, warehouse, run_id, policy, default_sources, classes, boxed)
    splits = key_ranges.balance_by_rows(_plan_key_ranges(labels, boxes, cores), cores)
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


def _plan_key_ranges(labels: Sequence[PublishedFile], boxes: Sequence[PublishedFile], cores: int) -> list[KeyRange]:
    """The spans of every subset that has labels."""
    planned = []
    for subset in sorted({file.partition["subset"] for file in labels}):
        subset_files = [file for file in labels if file.partition["subset"] == subset]
        uris_by_origin: dict[str, tuple[str, ...]] = {
            origin: tuple(file.uri for file in subset_files if file.partition["origin"] == origin) for origin in ORIGINS
        }
        merge_sides = {origin: Side(uris, ("mid", "source", "confidence")) for origin, uris in uris_by_origin.items()}
        merge_sides[BOXES] = Side(tuple(file.uri for file in boxes if file.partition["subset"] == subset), ("mid",))
        planned += key_ranges.plan_key_ranges(subset, merge_sides, cores)
    return planned


def _subset_counts(release: Release, policy: ReconcilePolicy, results: Sequence[ReconcileResult]) -> PairCounts:
    """The counts of each subset that has labels (see COUNTS)."""
    counts_by_subset = {
        s: dict.fromkeys(COUNTS, 0) for s in release.subsets if any(result.subset == s for result in results)
    }
    states = verdicts.all_verdicts(policy)
    for result in results:
        counts = counts_by_subset[result.subset]
        for state, rows in zip(states, result.states.tolist(), strict=True):
            counts["pairs"] += rows
            counts[state.verdict] += rows
            counts["conflicts"] += rows * state.is_conflict
            counts["agrees"] += rows * (state.machine_agrees is True)
            counts["disagrees"] += rows * (state.machine_agrees is False)
    return counts_by_subset


if __name__ == "__main__":
    raise SystemExit(entrypoint.main("reconcile", __doc__, add_arguments, run))
