"""Brings the machine, human and crowdsource labels of a release together: one row an image and class, image_labels."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from pyspark.sql import SparkSession

from oilake.conf import reconcile_policy
from oilake.conf.reconcile_policy import ReconcilePolicy
from oilake.conf.registry import Release
from oilake.conf.settings import Settings
from oilake.jobs.pipeline.derived_job import DerivedTask, run_derived_job
from oilake.jobs.reconciling.correction_store import CorrectionCounts, find_corrections, stage_corrections
from oilake.jobs.reconciling.label_rows import input_tables, reconcile_tables
from oilake.jobs.reconciling.reconcile_kernel import ReconcileResult
from oilake.jobs.runtime import options
from oilake.jobs.runtime.printing import print_text
from oilake.jobs.tables import publish
from oilake.jobs.tables.snapshots import INGEST, require_snapshot
from oilake.jobs.tables.staging import StagedFile
from oilake.jobs.transforms import verdicts
from oilake.jobs.transforms.words import CORRECTIONS
from oilake.schemas import release_registry

RECONCILE = "reconcile"
PairCounts = dict[str, dict[str, int]]
LabelCounts = dict[str, Any]

COUNTS = ("pairs", "positive", "negative", "unverified", "conflicts", "agrees", "disagrees")


@dataclass
class ReconcileOutcome:
    """One release. `rows`: subset -> count (see COUNTS); `corrections`: file, and how many of its verdicts and boxes are
    applied, None where there is no file; `seconds`: the work; `start_seconds`: Spark's start beside it."""

    release: str
    warehouse: str
    changed: bool
    policy: ReconcilePolicy
    rows: PairCounts = field(default_factory=dict)
    seconds: float = 0.0
    start_seconds: float = 0.0
    corrections: CorrectionCounts | None = None

    def as_text(self) -> str:
        """The outcome as a few lines for a person."""
        lines = ["release subset    " + "".join(name.rjust(13) for name in COUNTS)]
        for subset, counts in self.rows.items():
            lines.append(f"{self.release:<8}{subset:<10}" + "".join(f"{counts[name]:,}".rjust(13) for name in COUNTS))
        if self.corrections:
            lines.append(f"{self.release}: {self.corrections.as_text()}")
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
    options.add_release(parser, "release to reconcile, such as v3", required=True)
    parser.add_argument("--policy", metavar="FILE", help="YAML file of the policy (default: the packaged one)")
    parser.add_argument(
        "--corrections",
        metavar="FILE",
        help="CSV file of verdicts that come first and boxes to leave out, kept for later runs (default: the one kept)",
    )
    options.add_places(parser, "warehouse", "registry")
    parser.add_argument("--force", action="store_true", help="reconcile again even if nothing changed")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    options.add_metrics(parser)


def run(arguments: argparse.Namespace) -> int:
    settings = options.load_settings(arguments)
    release = release_registry.find_release(arguments.release, settings.registry)
    policy = reconcile_policy.load_policy(arguments.policy)
    outcome = reconcile(settings, release, policy, arguments.force, arguments.corrections)
    print_text(json.dumps(asdict(outcome)) if arguments.json else outcome.as_text())
    return 0


def reconcile(
    settings: Settings, release: Release, policy: ReconcilePolicy, force: bool = False, corrections: str | None = None
) -> ReconcileOutcome:
    """Publishes `image_labels` of an ingested release, and its `corrections` by the file of that name, or by the one that
    is kept; does nothing when the same rows were reconciled by the same policy, file and code. InputError names the row of
    a given file that does not fit."""
    warehouse, name = publish.settled_warehouse(settings), release.release
    snapshot = require_snapshot(warehouse, name)
    inputs = {table: str(snapshot.table_versions[table]) for table in input_tables(snapshot)}
    depends_on = ((name, INGEST, snapshot.fingerprints[INGEST]),)
    given = find_corrections(warehouse, corrections, release_registry.load_releases(settings.registry))
    properties = {"policy": policy.as_json()} | ({CORRECTIONS: given.property_text()} if given else {})
    key_parts = (list(release.sources.items()), policy, given and given.file.sha256)
    replaced: dict[str, tuple[StagedFile, ...]] = {CORRECTIONS: ()} if given else {}
    reads = tuple((snapshot, table) for table in inputs)
    task = DerivedTask(
        RECONCILE, snapshot, inputs, depends_on, properties, None, key_parts, reads, replaced, unique=tuple(replaced)
    )

    def stage_pairs(spark: SparkSession, run_id: str) -> tuple[Sequence[StagedFile], LabelCounts]:
        staged = stage_corrections(warehouse, snapshot, given, run_id) if given else None
        results = reconcile_tables(spark, warehouse, release, snapshot, policy, run_id, staged and staged.file)
        counts = {"rows": _subset_counts(release, policy, results), "corrections": staged and asdict(staged.counts)}
        files = [result.staged for result in results if result.staged]
        return [*files, staged.file] if staged and staged.file else files, counts

    done = run_derived_job(settings, task, stage_pairs, force)
    applied = CorrectionCounts(**done.result["corrections"]) if done.result["corrections"] else None
    rows = done.result["rows"]
    return ReconcileOutcome(name, warehouse.uri, done.changed, policy, rows, done.seconds, done.start_seconds, applied)


def _subset_counts(release: Release, policy: ReconcilePolicy, results: Sequence[ReconcileResult]) -> PairCounts:
    """The counts of each subset that has labels (see COUNTS)."""
    counts_by_subset = {
        s: dict.fromkeys(COUNTS, 0) for s in release.subsets if any(result.subset == s for result in results)
    }
    for result in results:
        counts = counts_by_subset[result.subset]
        for number in np.flatnonzero(result.states).tolist():
            state, rows = verdicts.state_verdict(policy, number), int(result.states[number])
            counts["pairs"] += rows
            counts[state.verdict] += rows
            counts["conflicts"] += rows * state.is_conflict
            counts["agrees"] += rows * (state.machine_agrees is True)
            counts["disagrees"] += rows * (state.machine_agrees is False)
    return counts_by_subset


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("reconcile", __doc__, add_arguments, run))
