"""Published rows as Spark DataFrames."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import DataFrame, SparkSession

from jobs.tables.open import uri
from jobs.tables.snapshots import Slice, slices
from schemas import loader as schemas


def read(
    spark: SparkSession, warehouse: str, table: str, release: str | None = None, since: str | None = None
) -> DataFrame:
    """The rows of `table` as they were published: of one release, or of all of them, each at its own snapshot.

    A comparison is read by its later release, and by the earlier one where `since` gives it.
    """
    if not schemas.load(table).slice_by:
        whole = spark.read.format("delta").load(uri(warehouse, table))
        has_release = any(column.name == "release" for column in schemas.load(table).columns)
        return whole.where(whole["release"] == release) if release and has_release else whole
    parts = [_slice(spark, warehouse, table, one) for one in slices(warehouse, table, release, since)]
    return reduce(DataFrame.unionByName, parts)


def _slice(spark: SparkSession, warehouse: str, table: str, one: Slice) -> DataFrame:
    frame = spark.read.format("delta").option("versionAsOf", one.version).load(uri(warehouse, table))
    for column, value in one.partition.items():
        frame = frame.where(frame[column] == value)
    return frame
