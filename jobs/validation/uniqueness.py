"""Counts rows that share their key with another: by an ordinary Spark shuffle where no order shows it, by hashes where
rows may repeat and seldom do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from oilake.jobs.tables.quoting import parquet_schema, plain_files
from oilake.jobs.tables.staging import StagedFile
from oilake.jobs.tables.targets import TableFile
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.validation.file_metrics import read_batches
from oilake.quality import row_hashes
from oilake.quality.metrics import EXAMPLES, ExpectationCount, Metrics, constant_column
from oilake.quality.suites import Expectation
from oilake.schemas.loader import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def count_repeated_keys(frame: DataFrame, key: Sequence[str], rows: int) -> ExpectationCount:
    """Rows of `frame` whose key another row has too; the examples are keys, with the number of their rows."""
    from pyspark.sql import functions as sf  # the key of few tables is counted by Spark

    groups = frame.groupBy(*key).agg(sf.count("*").alias("rows")).where("rows > 1").persist()
    try:
        several = groups.agg(sf.coalesce(sf.sum("rows"), sf.lit(0))).first()
        shown = groups.orderBy(*key).limit(EXAMPLES).collect()
    finally:
        groups.unpersist()
    return ExpectationCount(rows, 0, int(several[0]) if several else 0, [row.asDict() for row in shown])


def count_repeated_rows(
    files: Sequence[TableFile], schema: pa.Schema, expectation: Expectation, tallies: Sequence[Metrics]
) -> ExpectationCount:
    """Rows of the files whose values in the expectation's columns another row has too, as `repeated` tells them.

    `tallies`: of these files, whose hashes show most often that there is none; else what shares its hash is read again.
    """
    total = ExpectationCount(sum(tally.rows for tally in tallies))
    hashes = row_hashes.repeated_hashes(part for tally in tallies for part in tally.hashes[expectation.name])
    if not len(hashes):
        return total
    columns, row_counts = expectation.columns, Counter[tuple[Any, ...]]()
    key_schema = pa.schema([schema.field(name) for name in columns if schema.get_field_index(name) >= 0])
    for file in files:
        own = pa.schema([field for field in key_schema if field.name not in file.partition])
        for rows in read_batches(file, own):
            for name in file.partition.keys() & {*columns}:
                rows = rows.append_column(name, constant_column(file.partition[name], len(rows)))
            alike = rows.filter(pa.array(np.isin(row_hashes.hash_rows(rows, columns), hashes)))
            row_counts.update(zip(*(alike[name].to_pylist() for name in columns), strict=True))
    several = sorted(((row, n) for row, n in row_counts.items() if n > 1), key=lambda entry: str(entry[0]))
    total.unexpected = sum(n for _, n in several)
    total.examples = [{**dict(zip(columns, row, strict=True)), "rows": n} for row, n in several[:EXAMPLES]]
    return total


def staged_frame(spark: SparkSession, warehouse: Warehouse, table: Table, files: Sequence[StagedFile]) -> DataFrame:
    """The rows of staged files, their partition's values with them."""
    columns = parquet_schema([(column.name, column.type) for column in table.columns])
    paths = [warehouse.spark_path(table.table, file.path) for file in files]
    return plain_files(spark).schema(columns).option("basePath", warehouse.spark_path(table.table)).parquet(*paths)
