"""Compares two releases: label_changes, image_changes and class_history tell what the later one says otherwise."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial

from pyspark.sql import SparkSession

from oilake.conf.errors import ConfigError, PromiseError
from oilake.conf.settings import Settings
from oilake.jobs.maintaining import sorting
from oilake.jobs.pipeline.derived_job import Task, derive
from oilake.jobs.reconciling import compare_kernel
from oilake.jobs.reconciling.compare_kernel import Context, Done
from oilake.jobs.runtime import entrypoint, options, spark_tasks
from oilake.jobs.runtime.printing import tell
from oilake.jobs.scanning import key_ranges
from oilake.jobs.scanning.merge_scan import Side
from oilake.jobs.tables import publish
from oilake.jobs.tables.snapshots import (
    INGEST,
    PublishedFile,
    Snapshot,
    files,
    pinned,
    slices,
    small_rows,
    snapshots,
    told,
)
from oilake.jobs.tables.staging import StagedFile, stage
from oilake.jobs.transforms import class_history, image_changes, label_changes
from oilake.jobs.transforms.class_vocabulary import known
from oilake.jobs.transforms.release_diff import FROM, TO, side
from oilake.schemas import loader as schemas

CHANGES, RECONCILE = "changes", "reconcile"
READ = ("images", "classes", "image_labels")
KINDS = {"images": image_changes.CHANGES, "labels": label_changes.CHANGES, "classes": class_history.CHANGES}
# Rows of both releases that a span has at most: fewer make every task read the ends of more row groups twice.
LARGEST = 1 << 25
BATCH, WIDE_BATCH = 1 << 18, 1 << 15

Pins = Mapping[str, Snapshot]
Counts = dict[str, dict[str, int]]


@dataclass
class Outcome:
    """Two releases. `changes`: images, labels and classes -> change -> count; `seconds`: the work; `start_seconds`: Spark's
    start beside it."""

    from_release: str
    to_release: str
    warehouse: str
    changed: bool
    changes: Counts = field(default_factory=dict)
    seconds: float = 0.0
    start_seconds: float = 0.0

    def as_text(self) -> str:
        """The outcome as a few lines for a person."""
        pair = f"{self.from_release} to {self.to_release}"
        lines = [f"{pair:<20}" + "".join(name.rjust(13) for name in self.changes)]
        for change in dict.fromkeys(change for kinds in KINDS.values() for change in kinds):
            counts = (f"{found[change]:,}" if change in found else "–" for found in self.changes.values())
            lines.append(f"{change:<20}" + "".join(count.rjust(13) for count in counts))
        return "\n".join([*lines, self._outcome(pair)])

    def _outcome(self, pair: str) -> str:
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
    tell(json.dumps(asdict(outcome)) if arguments.json else outcome.as_text())
    return 0


def changes(settings: Settings, from_release: str, to_release: str, force: bool = False) -> Outcome:
    """Publishes what differs between two reconciled releases; does nothing when the same rows were compared by the same
    code. ConfigError when they cannot be compared."""
    warehouse = settings.warehouse
    if from_release == to_release:
        raise ConfigError(f"--from and --to are both {from_release}; name two releases")
    publish.recover(warehouse)
    published = snapshots(warehouse)
    pins = {FROM: pinned(warehouse, from_release, published), TO: pinned(warehouse, to_release, published)}
    _refuse_incomparable(warehouse, pins, published)
    inputs = {f"{table} of {pin.release}": str(pin.table_versions[table]) for pin in pins.values() for table in READ}
    basis = tuple((pin.release, job, pin.fingerprints[job]) for pin in pins.values() for job in (INGEST, RECONCILE))
    reads = tuple((pin, table) for pin in pins.values() for table in READ)
    task = Task(CHANGES, pins[TO], inputs, basis, since=from_release, reads=reads)

    def work(spark: SparkSession, run_id: str) -> tuple[Sequence[StagedFile], Counts]:
        return _work(spark, warehouse, pins, run_id)

    done = derive(settings, task, work, force)
    return Outcome(from_release, to_release, warehouse, done.changed, done.found, done.seconds, done.start_seconds)


def _refuse_incomparable(warehouse: str, pins: Pins, published: Pins) -> None:
    for pin in pins.values():
        slices(warehouse, "image_labels", pin.release, known=published)
    before, after = (told(warehouse, pin, RECONCILE, "policy") for pin in pins.values())
    if before != after:
        raise ConfigError(
            f"{warehouse}: {pins[FROM].release} and {pins[TO].release} were reconciled by different policies ({before} and "
            f"{after}); run `oilake reconcile` for one of them again with the other's policy"
        )


def _work(spark: SparkSession, warehouse: str, pins: Pins, run_id: str) -> tuple[Sequence[StagedFile], Counts]:
    """The staged files of all three tables, and the counts of changes by KINDS."""
    sorting.restore(spark, warehouse, list(pins.values()), ("images", "image_labels"), run_id)
    listed = {role: small_rows(warehouse, "classes", pin, list(class_history.COLUMNS)) for role, pin in pins.items()}
    distinct = {row["mid"]: row for rows in listed.values() for row in rows}
    context = Context(pins[FROM].release, pins[TO].release, warehouse, run_id, known(list(distinct.values())))
    found = {
        "images": _compared(spark, warehouse, pins, "images", context),
        "labels": _compared(spark, warehouse, pins, "image_labels", context),
    }
    history = class_history.compare(listed[FROM], listed[TO])
    partition = {"from_release": context.from_release, "to_release": context.to_release}
    staged = [one.staged for done in found.values() for one in done if one.staged]
    staged.append(stage(warehouse, schemas.load("class_history"), partition, run_id, history))
    counted = {name: sum((one.changes for one in done), Counter[str]()) for name, done in found.items()}
    counted["classes"] = Counter(compare_kernel.change_counts(history))
    return staged, {name: {kind: counted[name][kind] for kind in kinds} for name, kinds in KINDS.items()}


def _compared(spark: SparkSession, warehouse: str, pins: Pins, table: str, context: Context) -> list[Done]:
    """What the tasks found in one table of both releases."""
    cores = spark.sparkContext.defaultParallelism
    published = {role: files(warehouse, table, pin) for role, pin in pins.items()}
    work = partial(compare_kernel.images if table == "images" else compare_kernel.labels, context=context)
    shares = key_ranges.deal(key_ranges.plan(table, _sides(table, published), cores, LARGEST), cores)
    what = f"{context.from_release} to {context.to_release}: comparing {table}"
    done = spark_tasks.spread(spark, shares, work, warehouse, what)
    read, wanted = sum(one.read for one in done), sum(file.rows for found in published.values() for file in found)
    if read != wanted:
        raise PromiseError(f"{what}: {wanted:,} rows are published, {read:,} were compared; please report this")
    return done


def _sides(table: str, published: Mapping[str, Sequence[PublishedFile]]) -> dict[str, Side]:
    """A side for each release and subset: the subset of a row is that of its file."""
    uris: dict[str, list[str]] = {}
    for role, found in published.items():
        for file in found:
            uris.setdefault(side(role, file.partition["subset"]), []).append(file.uri)
    if table == "images":
        return {name: Side(tuple(held), image_changes.COLUMNS, WIDE_BATCH, True) for name, held in uris.items()}
    return {name: Side(tuple(held), label_changes.COLUMNS, BATCH) for name, held in uris.items()}


if __name__ == "__main__":
    raise SystemExit(entrypoint.main("changes", __doc__, add_arguments, run))
