"""Published boxes without those that corrections leave out, which stand in `boxes` as they were published."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from oilake.jobs.tables.snapshots import require_snapshots
from oilake.jobs.tables.spark_reader import read_published
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms.words import CORRECTIONS, DROP_BOX

PLACE = ("release", "subset", "image_id", "mid")


def read_corrected_boxes(spark: SparkSession, warehouse: Warehouse, release: str | None = None) -> DataFrame:
    """The rows of `boxes` of `release`, or of every release, that no applied correction leaves out; ConfigError as for
    read_published."""
    boxes = read_published(spark, warehouse, "boxes", release)
    if not any(CORRECTIONS in pin.table_versions for pin in require_snapshots(warehouse, release)):
        return boxes
    corrections = read_published(spark, warehouse, CORRECTIONS, release)
    dropped = corrections.where(sf.col("is_applied") & (sf.col("kind") == DROP_BOX)).select(*PLACE, "published_box.*")
    return boxes.join(sf.broadcast(dropped), dropped.columns, "left_anti")
