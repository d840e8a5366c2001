"""Compares two releases: what the later one says otherwise of images, labels, boxes and classes, a table each."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise

from pyspark.sql import SparkSession

from oilake.conf.box_matching import load_box_matching
from oilake.conf.errors import ConfigError
from oilake.conf.release_order import release_number
from oilake.conf.settings import Settings
from oilake.jobs.maintaining import sorting
from oilake.jobs.pipeline.derived_job import DerivedTask, run_derived_job
from oilake.jobs.reconciling import compare_kernel, compare_tables
from oilake.jobs.reconciling.compare_kernel import CompareContext
from oilake.jobs.reconciling.compare_tables import SnapshotsByName
from oilake.jobs.reconciling.partial_releases import PartialReleaseError, refuse_partial
from oilake.jobs.runtime import options
from oilake.jobs.runtime.printing import print_text
from oilake.jobs.runtime.progress import log_line
from oilake.jobs.tables import publish
from oilake.jobs.tables.dropped_boxes import read_dropped_boxes
from oilake.jobs.tables.published_slices import published_slices, read_property
from oilake.jobs.tables.slice_files import small_rows
from oilake.jobs.tables.snapshots import INGEST, require_snapshot, require_snapshots
from oilake.jobs.tables.staging import StagedFile, stage_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms import class_history, image_changes, label_changes
from oilake.jobs.transforms.class_ancestors import build_ancestors
from oilake.jobs.transforms.class_vocabulary import build_vocabulary
from oilake.jobs.transforms.dropped_boxes import DroppedBox
from oilake.jobs.transforms.release_diff import FROM, TO, side_name
from oilake.jobs.transforms.words import BOX_CHANGES
from oilake.schemas import loader as schemas

CHANGES, RECONCILE = "changes", "reconcile"
INPUT_TABLES = ("images", "classes", "hierarchy", "boxes", "image_labels")
KINDS = {
    "images": image_changes.CHANGES,
    "labels": label_changes.CHANGES,
    "boxes": BOX_CHANGES,
    "classes": class_history.CHANGES,
}

ChangeCounts = dict[str, dict[str, int]]


@dataclass
class ChangesOutcome:
    """Two releases. `changes`: images, labels, boxes and classes -> change -> count; `seconds`: the work;
    `start_seconds`: Spark's start beside it."""

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
    options.add_release(parser, "earlier release, such as v2", "--from", dest="from_release")
    options.add_release(parser, "later release, such as v3", "--to", dest="to_release")
    parser.add_argument("--all", action="store_true", help="each published release with the next one")
    options.add_places(parser, "warehouse")
    parser.add_argument("--force", action="store_true", help="compare again even if nothing changed")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    options.add_metrics(parser)


def run(arguments: argparse.Namespace) -> int:
    settings = options.load_settings(arguments)
    if arguments.all:
        if arguments.from_release or arguments.to_release:
            raise ConfigError("--all compares every release with the next one; leave out --from and --to")
        outcomes = compare_neighbours(settings, _published_releases(Warehouse.of(settings)), arguments.force)
        texts = [outcome.as_text() for outcome in outcomes]
        print_text(json.dumps([asdict(outcome) for outcome in outcomes]) if arguments.json else "\n\n".join(texts))
        return 0
    if not (arguments.from_release and arguments.to_release):
        raise ConfigError("name two releases with --from and --to, or compare each with the next one by --all")
    outcome = changes(settings, arguments.from_release, arguments.to_release, arguments.force)
    print_text(json.dumps(asdict(outcome)) if arguments.json else outcome.as_text())
    return 0


def _published_releases(warehouse: Warehouse) -> list[str]:
    """The published releases; says so where there is one alone, which a schedule begins with."""
    names = [snapshot.release for snapshot in require_snapshots(warehouse, None)]
    if len(names) < 2:
        log_line(f"{warehouse}: only {names[0]} is published here, so there is nothing to compare yet")
    return names


def compare_neighbours(settings: Settings, names: Sequence[str], force: bool = False) -> list[ChangesOutcome]:
    """Compares each release with the next one; says of those that were taken in part why they are left out."""
    outcomes = []
    for pair in pairwise(names):
        try:
            outcomes.append(changes(settings, *pair, force))
        except PartialReleaseError as error:
            log_line(f"{' to '.join(pair)}: not compared: {error}")
    return outcomes


def changes(settings: Settings, from_release: str, to_release: str, force: bool = False) -> ChangesOutcome:
    """Publishes what differs between two reconciled releases; does nothing when the same rows were compared by the same
    code. ConfigError when they cannot be compared."""
    if from_release == to_release:
        raise ConfigError(f"--from and --to are both {from_release}; name two releases")
    if release_number(from_release) > release_number(to_release):
        raise ConfigError(
            f"--from {from_release} is later than --to {to_release}; run `oilake changes --from {to_release} --to "
            f"{from_release}`"
        )
    warehouse = publish.settled_warehouse(settings)
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
        from_release, to_release, warehouse.uri, done.changed, done.result, done.seconds, done.start_seconds
    )


def _refuse_incomparable(warehouse: Warehouse, pair: SnapshotsByName) -> None:
    for snapshot in pair.values():
        published_slices(warehouse, "image_labels", snapshot.release)
    refuse_partial(warehouse, pair)
    before, after = (read_property(warehouse, snapshot, RECONCILE, "policy") for snapshot in pair.values())
    if before != after:
        raise ConfigError(
            f"{warehouse}: {pair[FROM].release} and {pair[TO].release} were reconciled by different policies ({before} and "
            f"{after}); run `oilake reconcile` for one of them again with the other's policy"
        )


def _compare_tables(
    spark: SparkSession, warehouse: Warehouse, pair: SnapshotsByName, run_id: str
) -> tuple[Sequence[StagedFile], ChangeCounts]:
    """The staged files of all four tables, and the counts of changes by KINDS."""
    sorting.restore_order(spark, warehouse, list(pair.values()), ("images", "boxes", "image_labels"), run_id)
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
        compare_tables.given_columns(warehouse, pair),
        build_ancestors(small_rows(warehouse, "hierarchy", pair[TO], ["path", "parent_path", "mid", "relation"])),
        load_box_matching().least_iou,
        _dropped_by_side(warehouse, pair),
    )
    by_table = compare_tables.compare_tables(spark, warehouse, pair, context)
    results_by_name = {"images": by_table["images"], "labels": by_table["image_labels"], "boxes": by_table["boxes"]}
    history = class_history.compare_classes(class_rows[FROM], class_rows[TO])
    partition = {"from_release": context.from_release, "to_release": context.to_release}
    staged = [result.staged for results in results_by_name.values() for result in results if result.staged]
    staged.append(stage_rows(warehouse, schemas.table_schema("class_history"), partition, run_id, history))
    counted = {
        name: sum((result.changes for result in results), Counter[str]()) for name, results in results_by_name.items()
    }
    counted["classes"] = Counter(compare_kernel.change_counts(history))
    return staged, {name: {kind: counted[name][kind] for kind in kinds} for name, kinds in KINDS.items()}


def _dropped_by_side(warehouse: Warehouse, pair: SnapshotsByName) -> dict[str, frozenset[DroppedBox]]:
    """The boxes that corrections leave out of each side."""
    return {
        side_name(role, subset): boxes
        for role, snapshot in pair.items()
        for subset, boxes in read_dropped_boxes(warehouse, snapshot).items()
    }


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("changes", __doc__, add_arguments, run))
