"""Finds where a release says two things that cannot both be right: a box of a denied class, human against crowd, others."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import get_args

from pyspark.sql import SparkSession

from oilake.conf.contradiction_rules import ContradictionRules, NeededEvidence, load_rules
from oilake.conf.errors import DataQualityError
from oilake.conf.registry import SUBSETS
from oilake.conf.settings import Settings
from oilake.jobs.maintaining import sorting
from oilake.jobs.pipeline.derived_job import DerivedTask, run_derived_job
from oilake.jobs.reconciling import contradiction_kernel
from oilake.jobs.reconciling.contradiction_kernel import ContradictionContext, ContradictionResult
from oilake.jobs.reconciling.held_evidence import MissingEvidence, ReleaseEvidence, read_evidence
from oilake.jobs.runtime import options, spark_tasks
from oilake.jobs.runtime.printing import aligned_lines, print_text
from oilake.jobs.tables import publish
from oilake.jobs.tables.dropped_boxes import read_dropped_boxes
from oilake.jobs.tables.published_slices import published_slices
from oilake.jobs.tables.slice_files import small_rows
from oilake.jobs.tables.snapshots import INGEST, Snapshot, require_snapshot
from oilake.jobs.tables.staging import StagedFile
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms.class_ancestors import build_ancestors
from oilake.jobs.transforms.class_vocabulary import build_vocabulary
from oilake.jobs.transforms.contradiction_rows import ContradictionSetting

CONTRADICTIONS, RECONCILE = "contradictions", "reconcile"
NOT_JUDGED = "–"

KindCounts = dict[str, dict[str, int]]


@dataclass
class ContradictionsOutcome:
    """One release. `counts`: kind -> subset -> contradictions, of the subsets where it is judged; `missing`: kind -> subset
    -> what it lacks to be judged there; `seconds`: the work; `start_seconds`: Spark's start beside it."""

    release: str
    changed: bool
    counts: KindCounts = field(default_factory=dict)
    missing: MissingEvidence = field(default_factory=dict)
    seconds: float = 0.0
    start_seconds: float = 0.0

    def as_text(self) -> str:
        """The outcome as a few lines for a person."""
        header = (self.release, *SUBSETS)
        lines = list(aligned_lines([header, *(self._cells(kind) for kind in self.counts)]))
        lines += [f"{NOT_JUDGED} {sentence}" for sentence in self.not_judged()]
        done = "published" if self.changed else "nothing changed since they were published"
        return "\n".join([*lines, f"{self.release}: contradictions: {done}"])

    def not_judged(self) -> list[str]:
        """A sentence for each thing that subsets lack, with the kinds that they cannot be judged by for want of it."""
        sentences = []
        for name in get_args(NeededEvidence):
            lacking = {kind: _lacking_subsets(by_subset, name) for kind, by_subset in self.missing.items()}
            kinds = [kind for kind, subsets in lacking.items() if subsets]
            where = ", ".join(subset for subset in SUBSETS if any(subset in subsets for subsets in lacking.values()))
            if kinds:
                sentences.append(f"{self.release} has no {name} ({where}): not judged there by {', '.join(kinds)}")
        return sentences

    def _cells(self, kind: str) -> tuple[str, ...]:
        by_subset = self.counts[kind]
        return (kind, *(f"{by_subset[subset]:,}" if subset in by_subset else NOT_JUDGED for subset in SUBSETS))


def _lacking_subsets(by_subset: Mapping[str, Sequence[str]], name: str) -> list[str]:
    return [subset for subset, names in by_subset.items() if name in names]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_release_job(parser, "look through", "warehouse", example="v7")
    options.add_metrics(parser)


def run(arguments: argparse.Namespace) -> int:
    outcome = contradictions(options.load_settings(arguments), arguments.release, arguments.force)
    print_text(json.dumps(asdict(outcome)) if arguments.json else outcome.as_text())
    return 0


def contradictions(settings: Settings, release: str, force: bool = False) -> ContradictionsOutcome:
    """Publishes `contradictions` of a reconciled release; does nothing when it was made of the same rows."""
    warehouse = publish.settled_warehouse(settings)
    snapshot = require_snapshot(warehouse, release)
    published_slices(warehouse, "image_labels", release)
    evidence = read_evidence(warehouse, snapshot)
    rules = load_rules()
    basis = tuple((release, job, snapshot.fingerprints[job]) for job in (INGEST, RECONCILE))
    task = DerivedTask(CONTRADICTIONS, snapshot, evidence.read_versions(), basis, reads=evidence.read_tables())
    missing = evidence.missing_evidence(rules)

    def stage_contradictions(spark: SparkSession, run_id: str) -> tuple[Sequence[StagedFile], KindCounts]:
        context = ContradictionContext(
            release,
            warehouse,
            run_id,
            _release_rules(warehouse, snapshot, rules),
            evidence.judged_kinds(rules),
            read_dropped_boxes(warehouse, snapshot),
        )
        results = _judge_release(spark, evidence, context)
        return [result.staged for result in results if result.staged], _kind_counts(rules, context, results)

    done = run_derived_job(settings, task, stage_contradictions, force)
    return ContradictionsOutcome(release, done.changed, done.result, missing, done.seconds, done.start_seconds)


def _release_rules(warehouse: Warehouse, snapshot: Snapshot, rules: ContradictionRules) -> ContradictionSetting:
    classes = small_rows(warehouse, "classes", snapshot, ["mid", "display_name", "is_trainable", "is_boxable"])
    nodes = small_rows(warehouse, "hierarchy", snapshot, ["path", "parent_path", "mid", "relation"])
    return ContradictionSetting(rules, build_vocabulary(classes), build_ancestors(nodes))


def _judge_release(
    spark: SparkSession, evidence: ReleaseEvidence, context: ContradictionContext
) -> list[ContradictionResult]:
    """What the tasks found in all subsets; DataQualityError where they did not read all that is published."""
    warehouse = context.warehouse
    sorting.restore_order(spark, warehouse, [evidence.snapshot], tuple(evidence.files), context.run_id)
    evidence = read_evidence(warehouse, evidence.snapshot)
    cores = spark.sparkContext.defaultParallelism
    results = spark_tasks.run_tasks(
        spark,
        evidence.plan_tasks(cores),
        partial(contradiction_kernel.judge_range, context=context),
        warehouse.uri,
        f"{context.release}: looking for contradictions",
    )
    read, published = sum(result.read for result in results), evidence.annotation_rows()
    if read != published:
        raise DataQualityError(
            f"{context.release}: {published:,} rows are published, {read:,} were looked at; please report this"
        )
    return results


def _kind_counts(
    rules: ContradictionRules, context: ContradictionContext, results: Sequence[ContradictionResult]
) -> KindCounts:
    """The contradictions by kind and subset, 0 where a kind is judged and there is none."""
    counts: KindCounts = {
        kind: {subset: 0 for subset, judged in context.judged.items() if kind in judged} for kind in rules.kinds
    }
    for result in results:
        for kind, count in result.kinds.items():
            counts[kind][result.subset] += count
    return counts


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("contradictions", __doc__, add_arguments, run))
