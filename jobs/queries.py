"""Asks the queries of a suite: rows that should not be there, counted and shown in one Spark job each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from quality.loader import Expectation
from quality.tally import EXAMPLES, Count

BATCH = "oilake_batch"


def ask(spark: SparkSession, expectation: Expectation, batch: DataFrame, others: Mapping[str, DataFrame]) -> Count:
    """The rows that the expectation's query finds in `batch`; `others`: the tables that it names, by those names."""
    views = {BATCH: batch, **others}
    for name, frame in views.items():
        frame.createOrReplaceTempView(name)
    try:
        found = spark.sql(expectation.kwargs["unexpected_rows_query"].format(batch=BATCH))
        shown = found.select(sf.to_json(sf.struct("*"), {"ignoreNullFields": "false"}).alias("row"))
        parts = shown.mapInArrow(_count, "rows bigint, examples array<string>").collect()
    finally:
        for name in views:
            spark.catalog.dropTempView(name)
    rows = sum(part["rows"] for part in parts)
    examples = sorted(example for part in parts for example in part["examples"])
    return Count(rows, 0, rows, [json.loads(example) for example in examples[:EXAMPLES]])


def _count(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    rows, examples = 0, list[str]()
    for batch in batches:
        rows += len(batch)
        examples += batch.column(0).slice(0, EXAMPLES - len(examples)).to_pylist()
    yield pa.RecordBatch.from_pydict(
        {"rows": pa.array([rows]), "examples": pa.array([examples], pa.list_(pa.string()))}
    )
