"""How a path is written where Spark reads one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrameReader, SparkSession


def path_table(uri: str) -> str:
    """The Delta table in a folder, as Spark SQL names it."""
    return f"delta.{quote_identifier(uri)}"


def quote_identifier(name: str) -> str:
    """A name as Spark SQL takes it, whatever stands in it."""
    return f"`{name.replace('`', '``')}`"


def plain_files(spark: SparkSession) -> DataFrameReader:
    """A reader of files whose paths are taken as they stand, no pattern."""
    return spark.read.option("__globPaths__", "false")


def parquet_schema(columns: Sequence[tuple[str, str]]) -> str:
    """(name, type) of columns as a schema in Spark SQL."""
    return ", ".join(f"{quote_identifier(name)} {kind}" for name, kind in columns)
