"""Adds what the hierarchy implies: positive verdicts hold for ancestors, negative ones for descendants."""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from oilake.conf.errors import InputError
from oilake.conf.settings import Settings
from oilake.jobs.pipeline.derived_job import DerivedTask, TableOutcome, run_derived_job
from oilake.jobs.runtime import options
from oilake.jobs.runtime.printing import print_text
from oilake.jobs.tables import publish, spark_writer
from oilake.jobs.tables.published_slices import published_slices
from oilake.jobs.tables.slice_files import rows_by_subset, small_rows
from oilake.jobs.tables.snapshots import require_snapshot
from oilake.jobs.tables.spark_reader import read_published
from oilake.jobs.tables.staging import StagedFile
from oilake.jobs.transforms.class_ancestors import ancestor_pairs
from oilake.schemas import loader as schemas

EXPAND, RECONCILE, TABLE = "expand", "reconcile", "image_labels_expanded"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_release_job(parser, "expand", "warehouse")
    options.add_metrics(parser)


def run(arguments: argparse.Namespace) -> int:
    outcome = expand(options.load_settings(arguments), arguments.release, arguments.force)
    print_text(json.dumps(asdict(outcome)) if arguments.json else outcome.as_text())
    return 0


def expand(settings: Settings, release: str, force: bool = False) -> TableOutcome:
    """Publishes `image_labels_expanded` of a reconciled release; InputError when the release has no hierarchy."""
    warehouse = publish.settled_warehouse(settings)
    snapshot = require_snapshot(warehouse, release)
    published_slices(warehouse, "image_labels", release)
    inputs = {table: str(snapshot.table_versions[table]) for table in ("image_labels", "hierarchy")}
    pairs = implied_classes(
        small_rows(warehouse, "hierarchy", snapshot, ["path", "parent_path", "mid", "name", "relation"])
    )
    if not pairs:
        raise InputError(
            f"{warehouse}: {release} has no hierarchy, so nothing follows from its labels; take v2 or later"
        )
    depends_on, reads = (
        ((release, RECONCILE, snapshot.fingerprints[RECONCILE]),),
        ((snapshot, "image_labels"), (snapshot, "hierarchy")),
    )
    task = DerivedTask(EXPAND, snapshot, inputs, depends_on, reads=reads)

    def stage_implied(spark: SparkSession, run_id: str) -> tuple[Sequence[StagedFile], bool]:
        rows = implied_labels(spark, read_published(spark, warehouse, "image_labels", release), pairs)
        counts, table = _count_by_subset(rows), schemas.table_schema(TABLE)
        staged = spark_writer.stage_subsets(spark, rows, warehouse, table, release, run_id, counts)
        return [file for files in staged.values() for file in files], True

    done = run_derived_job(settings, task, stage_implied, force)
    return TableOutcome(release, TABLE, done.changed, rows_by_subset(warehouse, TABLE, done.pin))


def implied_classes(nodes: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """(class, ancestor) as MIDs, sorted, of the rows of `hierarchy`. A root that no class describes stands for everything
    (from V4 on it has a MID): nothing is implied of it."""
    roots = {node["mid"] for node in nodes if node["parent_path"] is None and node["name"] is None}
    return sorted(pair for pair in ancestor_pairs(nodes) if pair[1] not in roots)


def _count_by_subset(rows: DataFrame) -> dict[str, int]:
    return {row["subset"]: row["count"] for row in rows.groupBy("subset").count().collect()}


def implied_labels(spark: SparkSession, labels: DataFrame, pairs: Collection[tuple[str, str]]) -> DataFrame:
    """The rows of `image_labels_expanded` from those of `image_labels` of one release; `pairs`: (class, ancestor)."""
    upwards = [(below, above, "positive") for below, above in pairs]
    downwards = [(above, below, "negative") for below, above in pairs]
    rules = spark.createDataFrame(upwards + downwards, "mid string, implied string, verdict string")
    follows = labels.select("subset", "image_id", "mid", "verdict").join(sf.broadcast(rules), ["mid", "verdict"])
    implied_rows = follows.groupBy("subset", "image_id", "implied").agg(
        sf.max(sf.col("verdict") == "positive").alias("is_implied_positive"),
        sf.max(sf.col("verdict") == "negative").alias("is_implied_negative"),
        sf.sort_array(sf.collect_set("mid")).alias("implied_by"),
    )
    stated = labels.select("subset", "image_id", "mid", sf.col("verdict").alias("stated_verdict"))
    return implied_rows.withColumnRenamed("implied", "mid").join(stated, ["subset", "image_id", "mid"], "left")


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("expand", __doc__, add_arguments, run))
