"""Published rows as Spark DataFrames."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession

from jobs.tables.open import uri
from jobs.tables.publish import PUBLISHED
from jobs.tables.snapshots import Snapshot, pins
from schemas import loader as schemas


def read(spark: SparkSession, warehouse: str, table: str, release: str | None = None) -> DataFrame:
    """The rows of `table` as they were published: of one release, or of all of them, each at its own snapshot."""
    schemas.load(table)
    if table not in PUBLISHED:
        return spark.read.format("delta").load(uri(warehouse, table))
    slices = [_slice(spark, warehouse, table, pin) for pin in pins(warehouse, release)]
    whole = slices[0]
    for part in slices[1:]:
        whole = whole.unionByName(part)
    return whole


def _slice(spark: SparkSession, warehouse: str, table: str, pin: Snapshot) -> DataFrame:
    version = pin.table_versions[table]
    frame = spark.read.format("delta").option("versionAsOf", version).load(uri(warehouse, table))
    return frame.where(frame["release"] == pin.release)
