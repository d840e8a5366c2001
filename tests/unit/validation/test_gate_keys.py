"""The gate counts rows that share their key: here where they are few, by Spark where they are many, with the same answer."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from oilake.jobs.tables.publication import Publication
from oilake.jobs.tables.staging import stage_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.validation import local_queries, publish_gate
from oilake.quality.results import Result
from oilake.schemas import loader as schemas
from tests.support.warehouses import spark_is_not_needed

CLASSES = schemas.table_schema("classes")


def publication_of(warehouse: Warehouse, mids: list[str]) -> Publication:
    """Classes in two files, whose order does not show that no MID is there twice."""
    schema = schemas.arrow_schema(CLASSES)
    rows = {field.name: pa.array([None] * len(mids), field.type) for field in schema}
    rows |= {
        "mid": mids,
        "freebase_id": mids,
        "display_name": mids,
        "is_trainable": [False] * len(mids),
        "is_boxable": [False] * len(mids),
    }
    whole = pa.table(rows, schema=schema)
    parts = [whole.slice(0, 2), whole.slice(2)]
    files = tuple(stage_rows(warehouse, CLASSES, {"release": "v3"}, "run", part) for part in parts)
    return Publication("v3", "run", "complete", "fingerprint", "ingest", {}, files)


def key_result(judged: list[publish_gate.TableResults]) -> Result:
    (classes,) = [told for told in judged if told.table == "classes"]
    (result,) = [result for result in classes.results if "unique" in result.type]
    return result


def test_a_key_that_repeats_among_few_rows_is_found_without_spark(tmp_path: Path) -> None:
    warehouse = Warehouse.at(str(tmp_path))
    publication = publication_of(warehouse, ["/m/02", "/m/01", "/m/02", "/m/02"])
    judged = publish_gate.evaluate_publication(spark_is_not_needed, warehouse, publication, publish_gate.PublishFacts())
    assert (key_result(judged).unexpected_count, key_result(judged).is_broken) == (3, True)
    assert "/m/02" in str(key_result(judged).examples)
    kept = publication_of(warehouse, ["/m/02", "/m/01", "/m/03"])
    judged = publish_gate.evaluate_publication(spark_is_not_needed, warehouse, kept, publish_gate.PublishFacts())
    assert (key_result(judged).unexpected_count, key_result(judged).is_broken) == (0, False)


def test_spark_counts_the_same_where_rows_are_many(
    tmp_path: Path, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = Warehouse.at(str(tmp_path))
    publication = publication_of(warehouse, ["/m/02", "/m/01", "/m/02", "/m/02"])
    here = publish_gate.evaluate_publication(lambda: spark, warehouse, publication, publish_gate.PublishFacts())
    monkeypatch.setattr(local_queries, "SMALL_BYTES", 0)
    by_spark = publish_gate.evaluate_publication(lambda: spark, warehouse, publication, publish_gate.PublishFacts())
    assert key_result(by_spark) == key_result(here)
