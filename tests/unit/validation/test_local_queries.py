"""Queries of small slices are answered without Spark, in the values that Spark's JSON has."""

from __future__ import annotations

import datetime
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from oilake.jobs.tables.targets import CheckTarget, TableFile
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.validation import checker, local_queries, sql_expectations
from oilake.quality import scopes
from oilake.quality.metrics import EXAMPLES
from oilake.quality.suites import Expectation, Suite, load_suite, parse_suite
from oilake.schemas import loader as schemas

QUERIES = [
    (table, expectation)
    for table in schemas.table_names()
    for expectation in load_suite(table).expectations
    if expectation.type == scopes.QUERY
]
INSTANT = datetime.datetime(2026, 11, 26, 17, 9, 25, 123456, datetime.timezone.utc)


def whole_schema(table: str) -> pa.Schema:
    """The schema of a table, the columns of its partition with it."""
    stored = schemas.arrow_schema(schemas.table_schema(table))
    parts = [name for name in schemas.table_schema(table).partition_by if name not in stored.names]
    return pa.schema([*stored, *(pa.field(name, pa.string()) for name in parts)])


def slice_target(folder: Path, rows: pa.Table, suite: Suite | None = None, **partition: str) -> CheckTarget:
    """A slice of one file that holds the rows, without the partition's columns."""
    path = folder / f"{len(list(folder.iterdir()))}.parquet"
    pq.write_table(rows, path)
    schema = pa.schema([*rows.schema, *(pa.field(name, pa.string()) for name in partition)])
    file = TableFile(str(path), {**partition}, path.stat().st_size)
    return CheckTarget("t", str(folder), 0, suite or Suite("t", ()), schema, "", tuple(partition), files=[file])


def answer(query: str, **tables: CheckTarget) -> Any:
    with local_queries.open_engine() as engine:
        return local_queries.count_rows(engine, query, tables)


@pytest.mark.lengthy
@pytest.mark.parametrize(("table", "expectation"), QUERIES, ids=lambda value: getattr(value, "name", value))
def test_every_query_of_ours_is_answered(tmp_path: Path, table: str, expectation: Expectation):
    names = {sql_expectations.BATCH: table} | {
        name: name.removeprefix(scopes.EARLIER_PREFIX) for name in expectation.meta.reads
    }
    slices = {
        name: CheckTarget(read, str(tmp_path), 0, Suite(read, ()), whole_schema(read), "", ())
        for name, read in names.items()
    }
    query = expectation.kwargs["unexpected_rows_query"].format(batch=sql_expectations.BATCH)
    assert answer(query, **slices) is not None


def test_examples_are_the_values_of_sparks_json(tmp_path: Path):
    pairs = pa.array([[("a", 1.0), ("b", math.nan)]], pa.map_(pa.string(), pa.float64()))
    points = pa.array([[{"x": 0.5, "y": -math.inf}]])
    rows = pa.table({"at": [INSTANT], "pairs": pairs, "points": points, "none": pa.array([None], pa.string())})
    target = slice_target(tmp_path, rows, subset="train")
    (example,) = answer("SELECT *, sum(2) OVER () AS two FROM batch", batch=target).examples
    assert example == {
        "at": "2026-11-26T17:09:25.123Z",
        "pairs": {"a": 1.0, "b": "NaN"},
        "points": [{"x": 0.5, "y": "-Infinity"}],
        "none": None,
        "subset": "train",
        "two": 2,
    }


def test_the_first_rows_are_shown_and_all_are_counted(tmp_path: Path):
    target = slice_target(tmp_path, pa.table({"n": [*range(1000, 0, -1)]}))
    count = answer("SELECT n FROM batch WHERE n > 10", batch=target)
    assert (count.rows, count.unexpected) == (990, 990)
    assert [example["n"] for example in count.examples] == [*range(11, 11 + EXAMPLES)]


def test_what_is_joined_to_nothing_is_nothing(tmp_path: Path):
    target = slice_target(tmp_path, pa.table({"a": ["x", None], "b": ["y", "y"]}))
    assert answer("SELECT concat(a, '_', b) AS ab FROM batch", batch=target).examples == [{"ab": "x_y"}, {"ab": None}]


def test_what_duckdb_does_not_answer_is_left_to_spark(tmp_path: Path):
    target = slice_target(tmp_path, pa.table({"n": [1]}))
    assert answer("SELECT shiftleft(n, 1) FROM batch", batch=target) is None
    assert answer("SELECT gone FROM batch", batch=target) is None
    Path(target.files[0].uri).unlink()
    assert answer("SELECT n FROM batch", batch=target) is None


def test_a_query_reaches_nothing_but_its_tables(tmp_path: Path):
    target = slice_target(tmp_path, pa.table({"n": [1]}))
    assert answer(f"SELECT * FROM read_parquet('{target.files[0].uri}')", batch=target) is None


def test_repeated_keys_are_counted_and_shown_in_order(tmp_path: Path):
    rows = pa.table({'a "key"': ["b", "a", "b", "a", "a", None, None, "c"], "other": [0] * 8})
    count = local_queries.count_repeated_keys(slice_target(tmp_path, rows, release="v3"), ['a "key"', "release"], 8)
    assert count is not None
    assert (count.rows, count.unexpected) == (8, 7)
    assert count.examples == [
        {'a "key"': None, "release": "v3", "rows": 2},
        {'a "key"': "a", "release": "v3", "rows": 3},
        {'a "key"': "b", "release": "v3", "rows": 2},
    ]


def test_no_key_repeats(tmp_path: Path):
    count = local_queries.count_repeated_keys(slice_target(tmp_path, pa.table({"a": [1, 2]})), ["a"], 2)
    assert count is not None
    assert (count.rows, count.unexpected, count.examples) == (2, 0, [])


def test_a_small_table_is_checked_without_a_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    declared = {
        "type": "expect_compound_columns_to_be_unique",
        "kwargs": {"column_list": ["a", "b"], "ignore_row_if": "never"},
        "severity": "critical",
        "description": "no two rows are alike",
        "meta": {"scope": "table"},
    }
    suite = parse_suite({"name": "t", "expectations": [declared]}, {"a": "string", "b": "bigint"}, "t")
    target = slice_target(tmp_path, pa.table({"a": ["x", "y", "x"], "b": [2, 1, 2]}), suite)
    asked = list[str]()

    def start() -> SparkSession:
        asked.append("Spark")
        raise RuntimeError("no Spark here")

    (findings,) = checker.check_targets(start, [target], checker.WarehouseContext(Warehouse.at(tmp_path)))
    assert [(result.success, result.unexpected_count) for result in findings.results] == [(False, 2)]
    assert not asked
    monkeypatch.setattr(local_queries, "SMALL_BYTES", 0)
    with pytest.raises(RuntimeError):
        checker.check_targets(start, [target], checker.WarehouseContext(Warehouse.at(tmp_path)))
    assert asked
