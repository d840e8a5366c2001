"""One declaration, three compilers: the filter, the constraint and Great Expectations judge every row alike."""

from __future__ import annotations

import json
import random
from dataclasses import asdict
from typing import Any

import great_expectations as gx
import pyarrow as pa
import pytest
from deltalake import write_deltalake
from deltalake.exceptions import DeltaError
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from oilake.conf.errors import ConfigError
from oilake.jobs.runtime.filesystem import join_uri
from oilake.quality import row_expectations, suites
from oilake.quality.row_expectations import Rule
from oilake.schemas import loader as schemas

TEXT = [None, "", " ", "banana", "0" * 16, "0" * 15, "0" * 17, "00000000000000AF", "deadbeefdeadbeef", "é" * 16]
BREAKS = [f"{'0' * 16}{b}" for b in "\n\r\u0085\u2028\u2029\t"] + [f"/m/0bt9lr{b}" for b in "\n\r\u2028"]
MIDS = ["/m/0bt9lr", "/m/0", "/m/0A", "/m/0aeiou", "/m/banana", "/g/11bc_2", "/g/", "m.0bt9lr", "/x/0bc", "/m/0_1"]
WORDS = ["train", "validation", "test", "Train", "machine", "human", "crowdsource", "verification", "xclick", "oracle"]
URLS = ["https://a.b/c", "http://a", "ftp://a", "https:/a", " https://a"]
MD5S = ["5eb63bbbe01eeed093cb22bb8f5acdc3", "5EB63BBBE01EEED093CB22BB8F5ACDC3", "v3", "v33\n", "x1"]
POOLS: dict[str, list[Any]] = {
    "string": TEXT + BREAKS + MIDS + WORDS + URLS + MD5S,
    "double": [None, 0.0, 1.0, 0.5, -0.1, 1.5, 1e300, -0.0, 0.9999999999],
    "bigint": [None, 0, 1, -1, 2**62, 77],
    "int": [None, 0, 1, -1],
    "boolean": [None, True, False],
    "array<struct<x:double,y:double>>": [None, [], [{"x": 0.5, "y": None}], [{"x": 0.1, "y": 2.0}] * 4],
}
LIKELY = {"release": ["v3"], "subset": ["train"], "origin": ["machine", "human"], "image_id": ["0" * 16, "f" * 16]}
LIKELY |= {"mid": ["/m/0bt9lr"], "source": ["verification"], "confidence": [0.0, 1.0, 0.7], "freebase_id": ["m.0b"]}
LIKELY |= {"original_url": ["https://a"], "original_md5": [MD5S[0], None], "thumbnail_300k_url": [None, "http://a"]}
LIKELY |= {"x_min": [0.1], "x_max": [0.1, 0.9], "y_min": [0.0, 0.5], "y_max": [0.5, 1.0], "original_size": [1, None]}
LIKELY |= {"rotation": [0, 90, 180, 270, None]}
LIKELY |= {"path": ["0001"], "name": ["Dog"], "relation": [None, "part"], "depth": [0, 1]}
JUDGED = ("images", "labels", "boxes", "classes", "hierarchy")
ROWS = 300
ROWS_OF_ONE_RUN = 600


def random_rows(table: str, seed: int, count: int = ROWS) -> pa.Table:
    """Rows most of whose values keep the promises, so that many rows break one, and some none."""
    chance = random.Random(seed)
    columns = {}
    for column in schemas.table_schema(table).columns:
        pool, likely = POOLS[column.type], LIKELY.get(column.name) or POOLS[column.type]
        odd = 0.6 / len(schemas.table_schema(table).columns)
        values = [chance.choice(pool if chance.random() < odd else likely) for _ in range(count)]
        columns[column.name] = pa.array(values, schemas.arrow_type(column))
    return pa.table({"row": pa.array(range(count)), **columns})


def passed_by_filter(table: str, rows: pa.Table) -> set[int]:
    good = [True] * len(rows)
    for expectation in suites.load_suite(table).rules("row"):
        good = [a and b for a, b in zip(good, row_expectations.passing_rows(expectation.rule, rows), strict=True)]
    return {n for n, ok in enumerate(good) if ok}


def passed_by_table(spark: SparkSession, table: str, rows: pa.Table) -> set[int]:
    """What NOT NULL and CHECK would accept: Delta refuses a row whose condition is not true."""
    schema = schemas.table_schema(table)
    conditions = [f"{c.name} IS NOT NULL" for c in schema.columns if not c.nullable]
    conditions += suites.delta_constraints(suites.load_suite(table)).values()
    frame = spark.createDataFrame(rows)
    return {row["row"] for row in frame.where(" AND ".join(f"({c})" for c in conditions)).select("row").collect()}


def passed_by_great_expectations(spark: SparkSession, table: str, rows: pa.Table) -> set[int]:
    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_spark("spark").add_dataframe_asset("rows")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch(
        {"dataframe": spark.createDataFrame(rows).coalesce(1)}
    )
    wanted = {"result_format": "COMPLETE", "unexpected_index_column_names": ["row"]}
    found = batch.validate(row_suite(table), result_format=wanted)
    bad = set()
    for result in found.results:
        assert not result.exception_info.get("raised_exception"), result.exception_info
        bad |= {entry["row"] for entry in result.result.get("unexpected_index_list") or []}
    return set(range(len(rows))) - bad


def row_suite(table: str) -> gx.ExpectationSuite:
    """What the suite promises of each row."""
    whole = suite(table)
    whole.expectations = [one for one in whole.expectations if one.meta["scope"] == "row"]
    return whole


def suite(table: str) -> gx.ExpectationSuite:
    """The suite as any user of Great Expectations would load what the table carries."""
    return gx.ExpectationSuite(**json.loads(suites.load_suite(table).text()))


@pytest.mark.parametrize("table", JUDGED)
@hypothesis_settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_the_table_accepts_what_the_filter_lets_through(spark: SparkSession, table: str, seed: int):
    rows = random_rows(table, seed)
    filtered = passed_by_filter(table, rows)
    assert 0 < len(filtered) < ROWS
    assert passed_by_table(spark, table, rows) == filtered


@pytest.mark.parametrize("table", JUDGED)
def test_great_expectations_passes_what_the_filter_lets_through(spark: SparkSession, table: str):
    """One validation costs dozens of Spark jobs, whatever the rows are: these are many, and of one seed."""
    rows = random_rows(table, 5, ROWS_OF_ONE_RUN)
    filtered = passed_by_filter(table, rows)
    assert 0 < len(filtered) < len(rows)
    assert passed_by_great_expectations(spark, table, rows) == filtered


def test_a_coordinate_that_is_no_number_passes_nowhere(spark: SparkSession):
    """NaN dies at parse; Great Expectations takes it for NULL, so only the filter and the table are asked."""
    rows = pa.table({"x_min": pa.array([0.5, float("nan")])})
    rule = Rule(row_expectations.BETWEEN, {"column": "x_min", "min_value": 0, "max_value": 1})
    assert row_expectations.passing_rows(rule, rows).tolist() == [True, False]
    assert spark.createDataFrame(rows).where(row_expectations.constraint_sql(rule)).count() == 1


@pytest.mark.parametrize("table", schemas.table_names())
def test_great_expectations_loads_what_a_table_carries_unchanged(table: str):
    declared, loaded = suites.load_suite(table).expectations, suite(table).expectations
    assert len(loaded) == len(declared)
    for ours, theirs in zip(declared, loaded, strict=True):
        assert theirs.expectation_type == ours.type
        assert theirs.severity == ours.severity
        assert theirs.description == ours.description
        known_meta = json.loads(json.dumps(asdict(ours.meta)))
        assert theirs.meta == without_nothing(known_meta)
        condition = getattr(theirs, "row_condition", None)
        known = {**vars(theirs), "row_condition": getattr(condition, "pass_through_filter", condition)}
        assert {key: known[key] for key in ours.kwargs} == ours.kwargs


def without_nothing(meta: dict[str, Any]) -> dict[str, Any]:
    """Without the keys that say nothing, which a table does not carry."""
    nested = {key: without_nothing(value) if isinstance(value, dict) else value for key, value in meta.items()}
    return {key: value for key, value in nested.items() if value}


@pytest.mark.parametrize(
    ("kind", "arguments", "told"),
    [
        ("expect_magic", {"column": "mid"}, "unknown expectation type"),
        (row_expectations.NOT_NULL, {}, "missing argument column"),
        (row_expectations.NOT_NULL, {"column": "colour"}, "the table has no column 'colour'"),
        (row_expectations.NOT_NULL, {"column": "mid", "mostly": 0.9}, "unknown argument mostly"),
        (row_expectations.BETWEEN, {"column": "confidence"}, "needs min_value, max_value or both"),
        (row_expectations.MATCH, {"column": "mid", "regex": "("}, "here: "),
        (
            row_expectations.IN_SET,
            {"column": "mid", "value_set": [], "row_condition": "a > 1"},
            "row_condition must read",
        ),
    ],
)
def test_what_cannot_be_compiled_is_refused_when_loaded(kind: str, arguments: dict[str, Any], told: str):
    columns = {column.name: column.type for column in schemas.table_schema("labels").columns}
    with pytest.raises(ConfigError, match="here") as error:
        row_expectations.check_rule(Rule(kind, arguments), columns, "here")
    assert told in str(error.value)


GOOD = ("0" * 16, "verification", "/m/0bt9lr", 1.0, "v3", "train", "human")
LABELS = "image_id string, source string, mid string, confidence double, release string, subset string, origin string"
BAD = {
    "a MID banana": (2, "banana"),
    "a MID with a line break": (2, "/m/0bt9lr\n"),
    "a confidence of 1.5": (3, 1.5),
    "a person's confidence of 0.5": (3, 0.5),
    "an image ID in upper case": (0, "A" * 16),
    "no MID": (2, None),
    "an unknown origin": (6, "oracle"),
}


def labels(spark: SparkSession, row: tuple[Any, ...]) -> Any:
    return spark.createDataFrame([row], LABELS).write.format("delta").mode("append")


def test_a_good_row_may_be_appended_with_plain_spark(spark: SparkSession, warehouse: str):
    labels(spark, GOOD).save(join_uri(warehouse, "labels"))
    assert spark.read.format("delta").load(join_uri(warehouse, "labels")).count() == 1


@pytest.mark.parametrize("name", BAD)
def test_the_table_itself_refuses(spark: SparkSession, empty_warehouse: Any, name: str):
    place, value = BAD[name]
    row = (*GOOD[:place], value, *GOOD[place + 1 :])
    with pytest.raises((PySparkException, Py4JJavaError), match="CONSTRAINT"):
        labels(spark, row).save(join_uri(str(empty_warehouse), "labels"))


def test_other_writers_read_the_constraints_too(warehouse: str):
    names = [part.split()[0] for part in LABELS.split(", ")]
    good = pa.table({name: [value] for name, value in zip(names, GOOD, strict=True)})
    write_deltalake(join_uri(warehouse, "labels"), good, mode="append")
    bad = good.set_column(2, "mid", pa.array(["banana"]))
    with pytest.raises(DeltaError, match="failed validation check"):
        write_deltalake(join_uri(warehouse, "labels"), bad, mode="append")
