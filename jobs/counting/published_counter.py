"""Asks counts of the rows of published tables: of DuckDB in this process where they are small, else of Spark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from oilake.jobs.tables import targets
from oilake.jobs.tables.spark_reader import read_published
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.validation import local_queries

if TYPE_CHECKING:
    import duckdb
    from pyspark.sql import SparkSession

ROWS = "rows_of_table"


@dataclass(frozen=True)
class PublishedCounter:
    """Counts rows of one release as the pins of the warehouse have them; `engine`: by `local_queries.open_engine`."""

    spark: SparkSession
    engine: duckdb.DuckDBPyConnection
    warehouse: Warehouse
    release: str

    def count(self, table: str, query: str) -> list[tuple[Any, ...]]:
        """The answer to a query that both engines understand, in no order; `{rows}` in its text stands for the table."""
        (target,) = targets.published_targets(self.warehouse, [table], self.release)
        if local_queries.are_small([target]):
            answer = local_queries.answer_query(self.engine, query.format(rows=ROWS), {ROWS: target})
            if answer is not None:
                return list(zip(*(column.to_pylist() for column in answer.columns), strict=True))
        frame = read_published(self.spark, self.warehouse, table, self.release)
        return [tuple(row) for row in self.spark.sql(query, rows=frame).collect()]
