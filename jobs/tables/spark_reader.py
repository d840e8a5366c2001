"""Published rows as Spark DataFrames."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import reduce
from typing import TYPE_CHECKING

from oilake.jobs.runtime.filesystem import spark_path
from oilake.jobs.tables.published_slices import PublishedSlice, published_slices
from oilake.jobs.tables.quoting import plain_files
from oilake.jobs.tables.targets import CheckTarget, TableFile
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# Spark takes other characters of a path for patterns or escapes.
PLAIN = re.compile(r"[\w=./-]*")
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


def read_published(
    spark: SparkSession,
    warehouse: Warehouse,
    table: str,
    release: str | None = None,
    since: str | None = None,
) -> DataFrame:
    """The rows of `table` as they were published: of one release, or of all of them, each at its own snapshot.

    A comparison is read by its later release, and by the earlier one where `since` gives it.
    """
    if not schemas.table_schema(table).slice_by:
        whole = spark.read.format("delta").load(warehouse.spark_path(table))
        has_release = any(column.name == "release" for column in schemas.table_schema(table).columns)
        return whole.where(whole["release"] == release) if release and has_release else whole
    parts = [
        _read_slice(spark, warehouse, table, published_slice)
        for published_slice in published_slices(warehouse, table, release, since)
    ]
    return reduce(lambda frame, other: frame.unionByName(other), parts)


def read_target(spark: SparkSession, target: CheckTarget) -> DataFrame:
    """The rows of one slice, from the files that the log names, without asking Delta for the table's state again."""
    if not target.files:
        return read_version(spark, target.folder, target.version).where("false")
    if not all(_has_plain_path(target, file) for file in target.files):
        return _where_part(read_version(spark, target.folder, target.version), target.part)
    from pyspark.sql.types import StructType

    columns = StructType.fromJson(json.loads(target.spark_schema))
    paths = [spark_path(file.uri) for file in target.files]
    return plain_files(spark).schema(columns).option("basePath", spark_path(target.folder)).parquet(*paths)


def _has_plain_path(target: CheckTarget, file: TableFile) -> bool:
    """Whether the path tells Spark the partition's values as the log has them; elsewhere Delta's own reader is asked."""
    path = file.uri.removeprefix(target.folder).lstrip("/")
    values = {name: file.partition.get(name) for name in target.partition_by}
    folders = [f"{name}={NO_VALUE if value is None else value}" for name, value in values.items()]
    return PLAIN.fullmatch(path) is not None and path.split("/")[:-1] == folders


def read_version(spark: SparkSession, folder: str, version: int) -> DataFrame:
    """All rows of the table in a folder, at one version."""
    return spark.read.format("delta").option("versionAsOf", version).load(spark_path(folder))


def _read_slice(spark: SparkSession, warehouse: Warehouse, table: str, published_slice: PublishedSlice) -> DataFrame:
    return _where_part(
        read_version(spark, warehouse.table_uri(table), published_slice.version), published_slice.partition
    )


def _where_part(frame: DataFrame, part: Mapping[str, str | None]) -> DataFrame:
    """The rows whose columns have these values."""
    for column, value in part.items():
        frame = frame.where(frame[column].isNull() if value is None else frame[column] == value)
    return frame
