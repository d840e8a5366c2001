"""Finds photos that stand in a release under several IDs, above all in several subsets: leakage from train to test."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from oilake.conf.settings import Settings
from oilake.jobs.pipeline.derived_job import DerivedTask, run_derived_job
from oilake.jobs.runtime import options
from oilake.jobs.runtime.printing import print_text
from oilake.jobs.tables import publish, spark_writer
from oilake.jobs.tables.slice_files import small_rows
from oilake.jobs.tables.snapshots import INGEST, Snapshot, require_snapshot
from oilake.jobs.tables.spark_reader import read_published
from oilake.jobs.tables.staging import StagedFile
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas

DUPLICATES = "duplicates"


@dataclass
class Leakage:
    """One release: images that share their MD5 with another, distinct such photos, and those in several subsets.

    `by_subsets`: photos by the subsets they stand in, such as "test, train".
    """

    release: str
    changed: bool
    images: int = 0
    photos: int = 0
    across_subsets: int = 0
    by_subsets: dict[str, int] = field(default_factory=dict)

    def as_text(self) -> str:
        """The counts in one line for a person."""
        subset_counts = ", ".join(f"{photos:,} in {subsets}" for subsets, photos in self.by_subsets.items())
        return (
            f"{self.release}: {self.images:,} images share their MD5 with another: {self.photos:,} photos, "
            f"{self.across_subsets:,} of them in several subsets" + (f" ({subset_counts})" if subset_counts else "")
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_release_job(parser, "look through", "warehouse")
    options.add_metrics(parser)


def run(arguments: argparse.Namespace) -> int:
    outcome = duplicates(options.load_settings(arguments), arguments.release, arguments.force)
    print_text(json.dumps(asdict(outcome)) if arguments.json else outcome.as_text())
    return 0


def duplicates(settings: Settings, release: str, force: bool = False) -> Leakage:
    """Publishes `duplicate_images` of an ingested release; does nothing when it was made of the same images."""
    warehouse = publish.settled_warehouse(settings)
    snapshot = require_snapshot(warehouse, release)
    inputs = {"images": str(snapshot.table_versions["images"])}
    depends_on = ((release, INGEST, snapshot.fingerprints[INGEST]),)
    task = DerivedTask(DUPLICATES, snapshot, inputs, depends_on, reads=((snapshot, "images"),))

    def stage_duplicates(spark: SparkSession, run_id: str) -> tuple[Sequence[StagedFile], bool]:
        table = schemas.table_schema("duplicate_images")
        rows = duplicate_rows(read_published(spark, warehouse, "images", release))
        partition = {"release": release}
        return spark_writer.stage_frame(
            spark, rows, warehouse, table, partition, run_id, 1, f"{release}: duplicates"
        ), True

    done = run_derived_job(settings, task, stage_duplicates, force)
    return count_leakage(warehouse, done.pin, changed=done.changed)


def duplicate_rows(images: DataFrame) -> DataFrame:
    """The rows of `duplicate_images` from those of `images` of one release; an image without MD5 has no duplicate."""
    images_with_md5 = images.where("original_md5 IS NOT NULL").select("original_md5", "image_id", "subset")
    groups = images_with_md5.groupBy("original_md5").agg(
        sf.count("*").cast("int").alias("copies"), sf.sort_array(sf.collect_set("subset")).alias("subsets")
    )
    repeated_md5s = groups.where("copies > 1").withColumn("is_across_subsets", sf.size("subsets") > 1)
    return images_with_md5.join(repeated_md5s, "original_md5")


def count_leakage(warehouse: Warehouse, pin: Snapshot, changed: bool = False) -> Leakage:
    """The counts of the published `duplicate_images`."""
    rows = small_rows(warehouse, "duplicate_images", pin, ["original_md5", "subsets"])
    photos = {row["original_md5"]: ", ".join(row["subsets"]) for row in rows}
    by_subsets = {subsets: list(photos.values()).count(subsets) for subsets in sorted(set(photos.values()))}
    across = sum(count for subsets, count in by_subsets.items() if "," in subsets)
    return Leakage(pin.release, changed, len(rows), len(photos), across, by_subsets)


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("duplicates", __doc__, add_arguments, run))
