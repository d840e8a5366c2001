"""Sorts the labels of a release by class: class_images, by which the viewer finds the images of a class at once."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict

from pyspark.sql import SparkSession

from oilake.conf.errors import DataQualityError
from oilake.conf.settings import Settings
from oilake.jobs.pipeline.derived_job import DerivedTask, TableOutcome, run_derived_job
from oilake.jobs.runtime import options
from oilake.jobs.runtime.printing import print_text
from oilake.jobs.tables import publish, spark_writer
from oilake.jobs.tables.published_slices import published_slices
from oilake.jobs.tables.slice_files import rows_by_subset
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
    """The labels of every subset, sorted; DataQualityError where a row was lost on the way."""
    release = snapshot.release
    labels = read_published(spark, warehouse, SOURCE, release)
    subset_rows = rows_by_subset(warehouse, SOURCE, snapshot)
    table = schemas.table_schema(TABLE)
    staged = spark_writer.stage_subsets(spark, labels, warehouse, table, release, run_id, subset_rows, " by class")
    for subset, files in staged.items():
        if (written := sum(file.rows for file in files)) != subset_rows[subset]:
            raise DataQualityError(
                f"{release}: {subset_rows[subset]:,} rows of {SOURCE} are published of {subset}, {written:,} sorted; "
                "please report this"
            )
    return [file for files in staged.values() for file in files]


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("index", __doc__, add_arguments, run))
