"""Published rows as Spark DataFrames."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from jobs.tables.open import uri
from jobs.tables.quoting import plain_files
from jobs.tables.snapshots import Slice, Snapshot, slices
from jobs.tables.targets import Target
from schemas import loader as schemas


def read(
    spark: SparkSession,
    warehouse: str,
    table: str,
    release: str | None = None,
    since: str | None = None,
    known: Mapping[str, Snapshot] | None = None,
) -> DataFrame:
    """The rows of `table` as they were published: of one release, or of all of them, each at its own snapshot.

    A comparison is read by its later release, and by the earlier one where `since` gives it. `known`: all snapshots,
    where they were read before.
    """
    if not schemas.load(table).slice_by:
        whole = spark.read.format("delta").load(uri(warehouse, table))
        has_release = any(column.name == "release" for column in schemas.load(table).columns)
        return whole.where(whole["release"] == release) if release and has_release else whole
    parts = [_slice(spark, warehouse, table, one) for one in slices(warehouse, table, release, since, known)]
    return reduce(DataFrame.unionByName, parts)


def of_target(spark: SparkSession, target: Target) -> DataFrame:
    """The rows of one slice, from the files that the log names, without asking Delta for the table's state again."""
    if not target.files:
        return at_version(spark, target.folder, target.version).where("false")
    columns = StructType.fromJson(json.loads(target.spark_schema))
    paths = [file.uri for file in target.files]
    return plain_files(spark).schema(columns).option("basePath", target.folder).parquet(*paths)


def at_version(spark: SparkSession, folder: str, version: int) -> DataFrame:
    """All rows of the table in a folder, at one version."""
    return spark.read.format("delta").option("versionAsOf", version).load(folder)


def _slice(spark: SparkSession, warehouse: str, table: str, one: Slice) -> DataFrame:
    frame = at_version(spark, uri(warehouse, table), one.version)
    for column, value in one.partition.items():
        frame = frame.where(frame[column] == value)
    return frame
