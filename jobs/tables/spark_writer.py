"""Rows of an ordinary Spark DataFrame to staged files: the way of what Spark has shuffled."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import pyarrow as pa

from oilake.jobs.runtime.spark_tasks import collect_rows
from oilake.jobs.tables.staging import StagedFile, Writer
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas
from oilake.schemas.loader import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ROWS_PER_FILE = 4_000_000


def stage_subsets(
    spark: SparkSession,
    frame: DataFrame,
    warehouse: Warehouse,
    table: Table,
    release: str,
    run_id: str,
    subset_rows: Mapping[str, int],
    suffix: str = "",
) -> dict[str, list[StagedFile]]:
    """The frame's rows of each subset of `subset_rows` (rows by subset) as files of some million rows, as `stage_frame`
    stages them; `suffix` ends what progress says of a subset."""
    return {
        subset: stage_frame(
            spark,
            frame.where(frame["subset"] == subset),
            warehouse,
            table,
            {"release": release, "subset": subset},
            run_id,
            max(1, round(rows / ROWS_PER_FILE)),
            f"{release}: {subset}{suffix}",
        )
        for subset, rows in subset_rows.items()
    }


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
