"""Counts rows that share their key with another by an ordinary Spark shuffle: the way where no order shows it."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from jobs.files import join
from jobs.tables.open import uri
from jobs.tables.quoting import parquet_schema, plain_files
from jobs.tables.staging import StagedFile
from quality.tally import EXAMPLES, Count
from schemas.loader import Table


def repeated(frame: DataFrame, key: Sequence[str], rows: int) -> Count:
    """Rows of `frame` whose key another row has too; the examples are keys, with the number of their rows."""
    groups = frame.groupBy(*key).agg(sf.count("*").alias("rows")).where("rows > 1").persist()
    try:
        several = groups.agg(sf.coalesce(sf.sum("rows"), sf.lit(0))).first()
        shown = groups.orderBy(*key).limit(EXAMPLES).collect()
    finally:
        groups.unpersist()
    return Count(rows, 0, int(several[0]) if several else 0, [row.asDict() for row in shown])


def staged(spark: SparkSession, warehouse: str, table: Table, files: Sequence[StagedFile]) -> DataFrame:
    """The rows of staged files, their partition's values with them."""
    folder = uri(warehouse, table.table)
    columns = parquet_schema([(column.name, column.type) for column in table.columns])
    paths = [join(folder, file.path) for file in files]
    return plain_files(spark).schema(columns).option("basePath", folder).parquet(*paths)
