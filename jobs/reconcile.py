"""Brings the machine, human and crowdsource labels of a release together: one row an image and class, image_labels."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial

from pyspark.sql import SparkSession

from oilake.conf import reconcile_policy, registry
from oilake.conf.errors import PromiseError
from oilake.conf.reconcile_policy import ORIGINS, Policy
from oilake.conf.registry import Release
from oilake.conf.settings import Settings
from oilake.jobs.maintaining import sorting
from oilake.jobs.pipeline.derived_job import Task, derive
from oilake.jobs.reconciling import reconcile_kernel
from oilake.jobs.reconciling.reconcile_kernel import Context, Done
from oilake.jobs.runtime import entrypoint, options, spark_tasks
from oilake.jobs.runtime.printing import tell
from oilake.jobs.scanning import key_ranges
from oilake.jobs.scanning.key_ranges import Span
from oilake.jobs.scanning.merge_scan import Side
from oilake.jobs.tables import publish
from oilake.jobs.tables.snapshots import INGEST, PublishedFile, Snapshot, files, pinned, small_rows
from oilake.jobs.tables.staging import StagedFile
from oilake.jobs.transforms import verdicts
from oilake.jobs.transforms.class_vocabulary import known
from oilake.jobs.transforms.image_labels import BOXES

RECONCILE = "reconcile"
READ = ("labels", "boxes", "classes")
CLASS_COLUMNS = ["mid", "display_name", "is_trainable", "is_boxable"]
Counts = dict[str, dict[str, int]]

COUNTS = ("pairs", "positive", "negative", "unverified", "conflicts", "agrees", "disagrees")


@dataclass
class Outcome:
    """One release. `rows`: subset -> count (see COUNTS); `seconds`: the work;
    `start_seconds`: Spark's start beside it."""

    release: str
    warehouse: str
    changed: bool
    policy: Policy
    rows: Counts = field(default_factory=dict)
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
    release = registry.find(arguments.release, settings.registry)
    outcome = reconcile(settings, release, reconcile_policy.load(arguments.policy), arguments.force)
    tell(json.dumps(asdict(outcome)) if arguments.json else outcome.as_text())
    return 0


def reconcile(settings: Settings, release: Release, policy: Policy, force: bool = False) -> Outcome:
    """Publishes `image_labels` of an ingested release; does nothing when the same rows were reconciled by the same policy
    and code."""
    warehouse, name = settings.warehouse, release.release
    publish.recover(warehouse)
    pin = pinned(warehouse, name)
    inputs = {table: str(pin.table_versions[table]) for table in READ}
    basis = ((name, INGEST, pin.fingerprints[INGEST]),)
    told = {"policy": policy.as_json()}
    decided_by = (list(release.sources.items()), policy)
    reads = tuple((pin, table) for table in READ)
    task = Task(RECONCILE, pin, inputs, basis, told, decided_by=decided_by, reads=reads)

    def work(spark: SparkSession, run_id: str) -> tuple[Sequence[StagedFile], Counts]:
        done = _work(spark, warehouse, release, pin, policy, run_id)
        return [one.staged for one in done if one.staged], _counts(release, policy, done)

    done = derive(settings, task, work, force)
    return Outcome(name, warehouse, done.changed, policy, done.found, done.seconds, done.start_seconds)


def _work(
    spark: SparkSession, warehouse: str, release: Release, pin: Snapshot, policy: Policy, run_id: str
) -> list[Done]:
    sorting.restore(spark, warehouse, [pin], ("labels", "boxes"), run_id)
    labels, boxes = files(warehouse, "labels", pin), files(warehouse, "boxes", pin)
    cores = spark.sparkContext.defaultParallelism
    usual: dict[str, str] = {}
    for source, origin in release.sources.items():
        usual.setdefault(origin, source)
    classes = known(small_rows(warehouse, "classes", pin, CLASS_COLUMNS))
    boxed = frozenset(file.partition["subset"] for file in boxes)
    context = Context(release.release, warehouse, run_id, policy, usual, classes, boxed)
    shares = key_ranges.deal(_plan(labels, boxes, cores), cores)
    done = spark_tasks.spread(
        spark, shares, partial(reconcile_kernel.run, context=context), warehouse, f"{release.release}: reconciling"
    )
    read, published = sum(one.read for one in done), sum(file.rows for file in labels)
    if read != published:
        raise PromiseError(
            f"{pin.release}: {published:,} rows of labels are published, {read:,} were reconciled; please report this"
        )
    return done


def _plan(labels: Sequence[PublishedFile], boxes: Sequence[PublishedFile], cores: int) -> list[Span]:
    """The spans of every subset that has labels."""
    planned = []
    for subset in sorted({file.partition["subset"] for file in labels}):
        mine = [file for file in labels if file.partition["subset"] == subset]
        sides: dict[str, tuple[str, ...]] = {
            origin: tuple(file.uri for file in mine if file.partition["origin"] == origin) for origin in ORIGINS
        }
        wanted = {origin: Side(uris, ("mid", "source", "confidence")) for origin, uris in sides.items()}
        wanted[BOXES] = Side(tuple(file.uri for file in boxes if file.partition["subset"] == subset), ("mid",))
        planned += key_ranges.plan(subset, wanted, cores)
    return planned


def _counts(release: Release, policy: Policy, done: Sequence[Done]) -> Counts:
    """The counts of each subset that has labels (see COUNTS)."""
    found = {s: dict.fromkeys(COUNTS, 0) for s in release.subsets if any(one.subset == s for one in done)}
    states = verdicts.verdicts(policy)
    for one in done:
        counts = found[one.subset]
        for state, rows in zip(states, one.states.tolist(), strict=True):
            counts["pairs"] += rows
            counts[state.verdict] += rows
            counts["conflicts"] += rows * state.is_conflict
            counts["agrees"] += rows * (state.machine_agrees is True)
            counts["disagrees"] += rows * (state.machine_agrees is False)
    return found


if __name__ == "__main__":
    raise SystemExit(entrypoint.main("reconcile", __doc__, add_arguments, run))
