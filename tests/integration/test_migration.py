"""A changed declaration reaches tables that are there: properties and constraints are brought up to date, and told."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import SparkSession

from oilake.conf.errors import ConfigError
from oilake.conf.settings import Settings
from oilake.jobs.ingest import ingest
from oilake.jobs.runtime.filesystem import join_uri
from oilake.jobs.tables import ddl, suite_properties
from oilake.jobs.tables.warehouse import Warehouse
from oilake.quality import row_expectations, suites
from oilake.quality.suites import Expectation, ExpectationMeta, Suite
from oilake.schemas import loader as schemas
from oilake.schemas.release_registry import find_release
from tests.support.releases import land

pytestmark = pytest.mark.slow

GOLDEN = Path(__file__).parents[1] / "support" / "golden" / "suites"
RISEN = ("labels", "boxes", "images")
NEW = Expectation(
    row_expectations.BETWEEN,
    {"column": "confidence", "max_value": 0.75},
    "critical",
    "nobody is sure",
    ExpectationMeta("row", reason="invalid_confidence", name="nobody_is_sure"),
)


def label(confidence: float) -> dict[str, list[Any]]:
    return {
        "release": ["v3"], "subset": ["train"], "origin": ["machine"], "image_id": ["0" * 16], "source": ["machine"],
        "mid": ["/m/0bt9lr"], "confidence": [confidence],
    }  # fmt: skip


@pytest.fixture
def stricter(monkeypatch: pytest.MonkeyPatch) -> Suite:
    """The suite of `labels` with one more promise, as if its YAML had been edited."""
    before = suites.load_suite("labels")
    known = [e for e in before.expectations if e.name != "label_of_unknown_class"]
    after = replace(before, expectations=(*known, NEW), meta={"version": before.version + 1})
    real = suites.load_suite
    monkeypatch.setattr(suites, "load_suite", lambda table: after if table == "labels" else real(table))
    return after


def test_tables_carry_their_suite_from_the_first_commit(warehouse: str):
    suite = suite_properties.carried_suite(DeltaTable(join_uri(warehouse, "labels")))
    assert suite == suites.load_suite("labels")
    assert DeltaTable(join_uri(warehouse, "labels")).version() == 0


def test_a_changed_suite_is_carried_and_told(spark: SparkSession, warehouse: str, stricter: Suite):
    write_deltalake(join_uri(warehouse, "labels"), pa.table(label(0.5)), mode="append")
    told = ddl.ensure_tables(lambda: spark, Warehouse.at(warehouse))
    assert "labels: constraint nobody_is_sure was added" in told
    assert "labels: now promises that nobody is sure" in told
    assert [s for s in told if "no longer promises that a label names a class" in s]
    table = DeltaTable(join_uri(warehouse, "labels"))
    assert suite_properties.carried_suite(table) == stricter
    assert table.metadata().configuration[suite_properties.VERSION] == str(stricter.version)
    assert ddl.ensure_tables(lambda: spark, Warehouse.at(warehouse)) == []


def test_a_suite_of_before_foreign_keys_is_brought_up_to_date(spark: SparkSession, warehouse: str):
    """Tables made when each query was written by hand: they are read as they are, then told and carried anew, once."""
    for name in RISEN:
        text = (GOLDEN / f"{name}.json").read_text()
        old = {
            suite_properties.SUITE: text,
            suite_properties.VERSION: "1",
            suite_properties.SHA256: hashlib.sha256(text.encode()).hexdigest(),
        }
        table = DeltaTable(join_uri(warehouse, name))
        table.alter.set_table_properties(old, raise_if_not_exists=False)
        before = suite_properties.carried_suite(DeltaTable(join_uri(warehouse, name)))
        assert before.text() == text
        assert not any(expectation.meta.references for expectation in before.expectations)
    told = ddl.ensure_tables(lambda: spark, Warehouse.at(warehouse))
    assert [sentence for sentence in told if sentence.startswith("labels: changed")] == [
        "labels: changed what it says of the promise that a label is about an image that the release has",
        "labels: changed what it says of the promise that a label names a class that the release lists or describes",
    ]
    assert "boxes: changed what it says of the promise that a box lies on an image that the release has" in told
    assert not [sentence for sentence in told if "constraint" in sentence and sentence.startswith("labels")]
    for name in RISEN:
        table = DeltaTable(join_uri(warehouse, name))
        assert suite_properties.carried_suite(table) == suites.load_suite(name)
        assert table.metadata().configuration[suite_properties.VERSION] == str(suites.load_suite(name).version)
    assert ddl.ensure_tables(lambda: spark, Warehouse.at(warehouse)) == []


def test_a_constraint_that_rows_break_is_told_and_not_forced(spark: SparkSession, warehouse: str, stricter: Suite):
    for confidence in (0.5, 0.8, 0.9):
        write_deltalake(join_uri(warehouse, "labels"), pa.table(label(confidence)), mode="append")
    sentences = ddl.ensure_tables(lambda: spark, Warehouse.at(warehouse))
    told = [sentence for sentence in sentences if "was not added" in sentence]
    assert len(told) == 1
    assert "constraint nobody_is_sure was not added, since 2 rows of the table break it" in told[0]
    assert '"confidence":0.8' in told[0]
    table = DeltaTable(join_uri(warehouse, "labels"))
    assert "delta.constraints.nobody_is_sure" not in table.metadata().configuration
    assert table.to_pyarrow_table().num_rows == 3
    assert suite_properties.carried_suite(table) == stricter


def test_a_suite_that_is_no_json_is_refused(warehouse: str):
    table = DeltaTable(join_uri(warehouse, "labels"))
    table.alter.set_table_properties({suite_properties.SUITE: '{"expectations": ['}, raise_if_not_exists=False)
    with pytest.raises(ConfigError, match="is no suite"):
        suite_properties.carried_suite(DeltaTable(join_uri(warehouse, "labels")))


def test_a_tampered_suite_is_refused(warehouse: str):
    table = DeltaTable(join_uri(warehouse, "labels"))
    document = json.loads(table.metadata().configuration[suite_properties.SUITE])
    document["expectations"] = document["expectations"][1:]
    table.alter.set_table_properties({suite_properties.SUITE: json.dumps(document)}, raise_if_not_exists=False)
    with pytest.raises(Exception, match="is not the one whose hash stands beside it"):
        suite_properties.carried_suite(DeltaTable(join_uri(warehouse, "labels")))


# What tables of before V4 lack, with a row of then: the columns that came, and the one that may be NULL now.
NEW_COLUMNS = {
    "images": ["rotation", "is_boxable", "has_human_labels"],
    "boxes": ["extreme_points"],
    "classes": ["name", "is_segmentable"],
    "release_figures": ["stated_by"],
    "hierarchy": [],
}
WHEN_MADE = {"release": "v2", "subset": "train", "image_id": "0" * 16, "mid": "/m/0bt9lr", "source": "human"}
WHEN_MADE |= {"original_url": "https://example.org/0.jpg"}


def old_table(warehouse: str, name: str) -> list[dict[str, Any]]:
    """Puts a table of before, with one row, in the place of today's; the row."""
    schema = schemas.table_schema(name)
    fields = [
        pa.field(c.name, schemas.arrow_type(c), nullable=c.nullable and (name, c.name) != ("hierarchy", "name"))
        for c in schema.columns
        if c.name not in NEW_COLUMNS[name]
    ]
    texts = {field.name: "0" if field.type == pa.string() else 0 for field in fields if not field.nullable}
    row = {field.name: None for field in fields} | texts | {k: v for k, v in WHEN_MADE.items() if k in texts}
    shutil.rmtree(Path(warehouse) / name)
    rows = pa.Table.from_pylist([row], pa.schema(fields))
    write_deltalake(join_uri(warehouse, name), rows, partition_by=list(schema.partition_by))
    return rows.to_pylist()


def test_tables_of_before_v4_get_the_columns_that_came_and_keep_their_rows(
    spark: SparkSession, warehouse: str, tmp_path: Path, settings: Settings
):
    before = {name: old_table(warehouse, name) for name in NEW_COLUMNS}
    told = ddl.ensure_tables(lambda: spark, Warehouse.at(warehouse))
    assert [sentence for sentence in told if ": column " in sentence] == [
        *(f"{name}: column {column} was added" for name in ("boxes", "classes") for column in NEW_COLUMNS[name]),
        "hierarchy: column name may be NULL now",
        *(f"{name}: column {c} was added" for name in ("images", "release_figures") for c in NEW_COLUMNS[name]),
    ]
    assert ddl.ensure_tables(lambda: spark, Warehouse.at(warehouse)) == []
    ingest(replace(settings, landing=str(land(tmp_path)), warehouse=warehouse), find_release("v3"))
    for name, rows in before.items():
        old = DeltaTable(join_uri(warehouse, name)).to_pyarrow_table(filters=[("release", "=", "v2")]).to_pylist()
        assert old == [{**rows[0], **dict.fromkeys(NEW_COLUMNS[name])}]
