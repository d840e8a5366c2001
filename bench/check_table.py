"""What the contenders of `bench.check` share: the slice they look at, and the file in which they tell what they found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from oilake.jobs.tables import targets
from oilake.jobs.tables.spark_reader import read_target
from oilake.jobs.tables.targets import CheckTarget
from oilake.jobs.tables.warehouse import Warehouse
from oilake.quality import scopes
from oilake.quality.suites import Expectation

RELEASE = "v3"


def target_of(warehouse: Path, table: str) -> CheckTarget:
    """The slice of the release in one table, with the suite that it carries."""
    (found,) = targets.published_targets(Warehouse.at(warehouse), [table], RELEASE)
    return found


def queries_of(warehouse: Path, target: CheckTarget) -> list[Expectation]:
    """The queries of the suite that the tables of the release itself answer; an earlier release is not there."""
    queries = [one for one in target.suite.expectations if one.type == scopes.QUERY]
    return [one for one in queries if not any(name.startswith(scopes.EARLIER_PREFIX) for name in one.meta.reads)]


def views(spark: SparkSession, warehouse: Path, target: CheckTarget) -> DataFrame:
    """The rows of the slice, as the view `batch` too; beside it a view of every table that its queries name."""
    frame = read_target(spark, target)
    frame.createOrReplaceTempView("batch")
    for name in {name for one in queries_of(warehouse, target) for name in one.meta.reads}:
        read_target(spark, target_of(warehouse, name)).createOrReplaceTempView(name)
    return frame


def tell(
    out: Path, counts: Mapping[str, int], rows: int, not_asked: Mapping[str, str] | None = None, **more: float
) -> None:
    """Writes what was found: rows that break each expectation by its name, rows of the slice, seconds of parts."""
    told = {"counts": dict(counts), "rows": rows, "not_asked": dict(not_asked or {}), **more}
    (out / "found.json").write_text(json.dumps(told))
