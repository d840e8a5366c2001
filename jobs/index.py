"""Sorts the labels of a release by class: class_images, by which the viewer finds the images of a class at once."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

from pyspark.sql import SparkSession

from oilake.conf.errors import DataQualityError
from oilake.conf.settings import Settings
from oilake.jobs.pipeline.derived_job import DerivedTask, TableOutcome, run_derived_job
from oilake.jobs.runtime import options, spark_tasks
from oilake.jobs.runtime.printing import print_text
from oilake.jobs.tables import memory_sort, publish, spark_writer
from oilake.jobs.tables.published_slices import published_slices
from oilake.jobs.tables.slice_files import files_by_subset, rows_by_subset
from oilake.jobs.tables.snapshots import Snapshot, require_snapshot
from oilake.jobs.tables.spark_reader import read_published
from oilake.jobs.tables.staging import StagedFile
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas

INDEX, RECONCILE, SOURCE, TABLE = "index", "reconcile", "image_labels", "class_images"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_release_job(parser, "index", "warehouse")
    options.add_metrics(parser)


def run(arguments: argparse.Namespace) -> int:
    outcome = index_classes(options.load_settings(arguments), arguments.release, arguments.force)
    print_text(json.dumps(asdict(outcome)) if arguments.json else outcome.as_text())
    return 0


def index_classes(settings: Settings, release: str, force: bool = False) -> TableOutcome:
    """Publishes `class_images` of a reconciled release; does nothing when it was made of the same labels."""
    warehouse = publish.settled_warehouse(settings)
    snapshot = require_snapshot(warehouse, release)
    published_slices(warehouse, SOURCE, release)
    inputs = {SOURCE: str(snapshot.table_versions[SOURCE])}
    depends_on = ((release, RECONCILE, snapshot.fingerprints[RECONCILE]),)
    task = DerivedTask(INDEX, snapshot, inputs, depends_on, reads=((snapshot, SOURCE),))

    def stage_classes(spark: SparkSession, run_id: str) -> tuple[Sequence[StagedFile], bool]:
        return _stage_sorted(spark, warehouse, snapshot, run_id), True

    done = run_derived_job(settings, task, stage_classes, force)
    return TableOutcome(release, TABLE, done.changed, rows_by_subset(warehouse, TABLE, done.pin))


def _stage_sorted(spark: SparkSession, warehouse: Warehouse, snapshot: Snapshot, run_id: str) -> list[StagedFile]:
    """The labels of every subset, sorted; small subsets by a task each in memory, others by a shuffle of Spark's.

    DataQualityError where a row was lost on the way.
    """
    release, subset_files = snapshot.release, files_by_subset(warehouse, SOURCE, snapshot)
    small = {subset for subset, files in subset_files.items() if memory_sort.fits_in_memory(files)}
    parts = [
        memory_sort.UnsortedPart(
            TABLE,
            SOURCE,
            tuple(file.uri for file in subset_files[subset]),
            {"release": release, "subset": subset},
            is_judged=False,
        )
        for subset in subset_files
        if subset in small
    ]
    work = partial(memory_sort.sort_part, warehouse=warehouse, run_id=run_id)
    what = f"{release}: sorting by class"
    staged = spark_tasks.run_tasks(spark, [[part] for part in parts], work, warehouse.uri, what)
    subset_rows = {subset: sum(file.rows for file in files) for subset, files in subset_files.items()}
    if large := {subset: rows for subset, rows in subset_rows.items() if subset not in small}:
        labels = read_published(spark, warehouse, SOURCE, release)
        table = schemas.table_schema(TABLE)
        shuffled = spark_writer.stage_subsets(spark, labels, warehouse, table, release, run_id, large, " by class")
        staged += [file for files in shuffled.values() for file in files]
    for subset, rows in subset_rows.items():
        if (written := sum(file.rows for file in staged if file.partition["subset"] == subset)) != rows:
            raise DataQualityError(
                f"{release}: {rows:,} rows of {SOURCE} are published of {subset}, {written:,} sorted; please report this"
            )
    return staged


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("index", __doc__, add_arguments, run))
