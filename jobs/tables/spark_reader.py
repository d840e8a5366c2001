"""Published rows as Spark DataFrames."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from oilake.jobs.tables.delta_log import uri
from oilake.jobs.tables.quoting import plain_files
from oilake.jobs.tables.snapshots import Slice, Snapshot, slices
from oilake.jobs.tables.targets import File, Target
from oilake.schemas import loader as schemas

# Spark takes other characters of a path for patterns or escapes.
PLAIN = re.compile(r"[\w=./-]*")
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


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
    if not all(_is_plain(target, file) for file in target.files):
        return _of_part(at_version(spark, target.folder, target.version), target.part)
    columns = StructType.fromJson(json.loads(target.spark_schema))
    paths = [file.uri for file in target.files]
    return plain_files(spark).schema(columns).option("basePath", target.folder).parquet(*paths)


def _is_plain(target: Target, file: File) -> bool:
    """Whether the path tells Spark the partition's values as the log has them; elsewhere Delta's own reader is asked."""
    path = file.uri.removeprefix(target.folder).lstrip("/")
    values = {name: file.partition.get(name) for name in target.partition_by}
    folders = [f"{name}={NO_VALUE if value is None else value}" for name, value in values.items()]
    return PLAIN.fullmatch(path) is not None and path.split("/")[:-1] == folders


def at_version(spark: SparkSession, folder: str, version: int) -> DataFrame:
    """All rows of the table in a folder, at one version."""
    return spark.read.format("delta").option("versionAsOf", version).load(folder)


def _slice(spark: SparkSession, warehouse: str, table: str, one: Slice) -> DataFrame:
    return _of_part(at_version(spark, uri(warehouse, table), one.version), one.partition)


def _of_part(frame: DataFrame, part: Mapping[str, str | None]) -> DataFrame:
    """The rows whose columns have these values."""
    for column, value in part.items():
        frame = frame.where(frame[column].isNull() if value is None else frame[column] == value)
    return frame
