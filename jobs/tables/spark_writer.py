"""Rows of an ordinary Spark DataFrame to staged files: the way of what Spark has shuffled."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Mapping

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from oilake.jobs.runtime.spark_tasks import collect_rows
from oilake.jobs.tables.staging import StagedFile, Writer
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas
from oilake.schemas.loader import Table


def stage_frame(
    spark: SparkSession,
    frame: DataFrame,
    warehouse: Warehouse,
    table: Table,
    partition: Mapping[str, str],
    run_id: str,
    files: int,
    what: str,
    notes: Mapping[str, str] | None = None,
) -> list[StagedFile]:
    """The frame's rows, in about `files` staged files of one partition, sorted as the table wants; none without a row.

    The frame's columns are the table's stored ones, by name; `notes` go into each file's footer.
    """
    schema = schemas.arrow_schema(table)
    chosen = frame.select(schema.names)
    ordered = chosen.repartitionByRange(files, *table.sort_by).sortWithinPartitions(*table.sort_by)

    def write(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        writer: Writer | None = None
        for batch in batches:
            writer = writer or Writer(warehouse, table, partition, run_id, 0)
            writer.write(pa.Table.from_batches([batch]).cast(schema))
        if writer:
            yield pa.RecordBatch.from_pydict({"file": [pickle.dumps(writer.close(notes))]})

    rows = collect_rows(spark, ordered.mapInArrow(write, "file binary"), files, what)
    return [pickle.loads(row["file"]) for row in rows]
