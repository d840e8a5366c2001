"""What is counted in one look at the rows becomes the very results that Great Expectations finds by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import great_expectations as gx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from oilake.conf.errors import ConfigError
from oilake.jobs.tables.targets import CheckTarget, TableFile
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.validation.checker import WarehouseContext, check_targets
from oilake.quality import gx_results, results, row_expectations, scopes, suites
from oilake.quality.metrics import EXAMPLES, ExpectationCount, MetricsCollector, keys_are_unique
from oilake.quality.suites import parse_suite
from oilake.schemas import loader as schemas
from tests.unit.quality.test_rules import JUDGED, random_rows, row_suite

COMPARED = (
    "element_count",
    "unexpected_count",
    "unexpected_percent",
    "missing_count",
    "missing_percent",
    "unexpected_percent_total",
    "unexpected_percent_nonmissing",
    "partial_unexpected_list",
    "partial_unexpected_index_list",
)


@pytest.mark.parametrize("table", JUDGED)
def test_our_results_are_those_of_great_expectations(spark: SparkSession, table: str):
    rows = without_line_breaks(random_rows(table, seed=6))
    chosen = suites.load_suite(table).rules("row")
    auditor = MetricsCollector(chosen, {}, ())
    for start in range(0, len(rows), 100):
        auditor.add(rows.slice(start, 100))
    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_spark("spark").add_dataframe_asset("rows")
    frame = spark.createDataFrame(rows).coalesce(1)
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    wanted = {
        "result_format": "SUMMARY",
        "partial_unexpected_count": EXAMPLES,
        "unexpected_index_column_names": ["row"],
    }
    plain = batch.validate(row_suite(table), result_format=wanted)
    theirs = {
        (r.expectation_config.description, str(r.expectation_config.kwargs.get("column"))): r for r in plain.results
    }
    failed = 0
    for expectation in chosen:
        ours = gx_results.gx_validation(expectation, auditor.tally.counts[expectation.name], ["row"])
        expected = theirs[expectation.description, str(expectation.kwargs.get("column"))]
        assert ours.success == expected.success
        failed += not ours.success
        for key in COMPARED:
            assert _plain(ours.result.get(key)) == _plain(expected.result.get(key)), (expectation.name, key)
    assert failed > 2


def test_shares_of_rows_with_a_value_are_those_of_great_expectations(spark: SparkSession):
    """Kept, broken from below and from above, and of no row at all."""
    rows = random_rows("images", seed=6)
    bounds = [
        {"min_value": 0.2},
        {"min_value": 0.9, "max_value": 1.0},
        {"max_value": 0.3},
        {"min_value": 0, "max_value": 1},
    ]
    declared = [
        {
            "type": scopes.FILLED_SHARE,
            "kwargs": {"column": "original_md5", **bound},
            "severity": "warning",
            "description": f"{bound}",
            "meta": {"scope": "table", "name": f"filled_{n}"},
        }
        for n, bound in enumerate(bounds)
    ]
    suite = parse_suite({"name": "images", "expectations": declared}, {"original_md5": "string"}, "here")
    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_spark("spark").add_dataframe_asset("rows")
    for chosen, kept in ((rows, [True, False, False, True]), (rows.slice(0, 0), [False, False, True, True])):
        auditor = MetricsCollector(suite.expectations, {}, ())
        auditor.add(chosen)
        frame = spark.createDataFrame(rows).limit(len(chosen)).select("original_md5")
        whole = asset.add_batch_definition_whole_dataframe(f"all {len(chosen)}")
        plain = whole.get_batch({"dataframe": frame}).validate(
            gx.ExpectationSuite(name="images", expectations=declared)
        )
        theirs = {r.expectation_config.meta["name"]: r for r in plain.results}
        for expectation, is_kept in zip(suite.expectations, kept, strict=True):
            count = auditor.tally.counts[expectation.name]
            ours, expected = gx_results.gx_validation(expectation, count, []), theirs[expectation.name]
            assert ours.success == expected.success == results.result_of_count(expectation, count).success == is_kept
            assert ours.result["observed_value"] == expected.result["observed_value"]


def test_great_expectations_is_asked_once_for_what_an_expectation_needs_and_no_result_is_shared():
    (expectation, *_) = suites.load_suite("images").counted("row")
    counts = [
        ExpectationCount(rows=rows, unexpected=unexpected) for rows, unexpected in ((9, 0), (9, 3), (4, 0), (9, 0))
    ]
    gx_results._gx_expectation.cache_clear()
    told = [gx_results.gx_validation(expectation, count, ["image_id"]).to_json_dict() for count in counts]
    assert gx_results._gx_expectation.cache_info().misses == 1
    assert [result["success"] for result in told] == [True, False, True, True]
    assert [result["result"]["element_count"] for result in told] == [9, 9, 4, 9]
    assert told[0] == told[3]


def without_line_breaks(rows: pa.Table) -> pa.Table:
    """Java's `$` stands before a final line break too, which is why each such regex is paired with one that forbids them."""
    held = [str(row.values()) for row in rows.to_pylist()]
    breaks = ("\\n", "\\r", "\\x85", "\\u2028", "\\u2029")
    return rows.filter(pa.array([not any(b in text for b in breaks) for text in held]))


def _plain(value: Any) -> Any:
    """Spark gives pairs as lists or tuples, and index columns in another order."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def tally(*keys: tuple[str, int]) -> Any:
    suite = suites.load_suite("quarantine")
    rows = pa.table({"member": [member for member, _ in keys], "line": [line for _, line in keys]})
    auditor = MetricsCollector([], {"release": "v3"}, ["release", "member", "line"])
    assert suite.key() == ["release", "file", "member", "line"]
    for n in range(len(rows)):
        auditor.add(rows.slice(n, 1))
    return auditor.tally


def test_keys_are_unique_where_rows_rise_and_files_do_not_overlap():
    assert keys_are_unique([tally(("a", 9), ("a", 10), ("b", 1)), tally(("b", 2))])
    assert keys_are_unique([tally(("b", 2)), tally(("a", 9), ("b", 1))])
    assert not keys_are_unique([tally(("a", 9), ("a", 9))])
    assert not keys_are_unique([tally(("a", 10), ("a", 9))])
    assert not keys_are_unique([tally(("a", 1), ("b", 2)), tally(("b", 2), ("b", 3))])
    assert not keys_are_unique([tally(("a", 1), ("c", 2)), tally(("b", 2))])


ROW = {
    "type": row_expectations.NOT_NULL,
    "kwargs": {"column": "mid"},
    "severity": "critical",
    "description": "d",
}
QUERY = {"type": scopes.QUERY, "severity": "warning", "description": "d"}
REFUSED = {
    "a row without a reason": ({**ROW, "meta": {"scope": "row"}}, "meta.reason is missing"),
    "an unknown reason": ({**ROW, "meta": {"scope": "row", "reason": "mood"}}, "unknown reason 'mood'"),
    "a row type of wider scope": ({**ROW, "meta": {"scope": "table"}}, "not of scope table"),
    "a scope of nobody": ({**ROW, "meta": {"scope": "galaxy"}}, "must be one of row, table"),
    "a query without braces": (
        {**QUERY, "kwargs": {"unexpected_rows_query": "SELECT 1"}, "meta": {"scope": "cross_table", "name": "n"}},
        "must name {batch}",
    ),
    "a query with a loose brace": (
        {**QUERY, "kwargs": {"unexpected_rows_query": "{batch} {"}, "meta": {"scope": "cross_table", "name": "n"}},
        "unexpected_rows_query: ",
    ),
    "a query without a name": (
        {**QUERY, "kwargs": {"unexpected_rows_query": "{batch}"}, "meta": {"scope": "cross_table"}},
        "meta.name is missing",
    ),
    "a query that would hold back": (
        {
            **QUERY,
            "severity": "critical",
            "kwargs": {"unexpected_rows_query": "{batch}"},
            "meta": {"scope": "release", "name": "n"},
        },
        "cannot hold a publication back",
    ),
    "a share of a column beyond 1": (
        {
            **ROW,
            "type": scopes.FILLED_SHARE,
            "kwargs": {"column": "mid", "min_value": 90},
            "meta": {"scope": "table"},
        },
        "as shares from 0 to 1",
    ),
    "a key of unknown columns": (
        {
            **ROW,
            "type": scopes.UNIQUE_COLUMNS,
            "kwargs": {"column_list": ["mid", "colour"], "ignore_row_if": "never"},
            "meta": {"scope": "table"},
        },
        "the table has no column 'colour'",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_declaration_that_cannot_be_compiled_is_refused_when_loaded(name: str):
    declared, told = REFUSED[name]
    columns = {column.name: column.type for column in schemas.table_schema("labels").columns}
    with pytest.raises(ConfigError, match="here") as error:
        parse_suite({"name": "labels", "expectations": [declared]}, columns, "here")
    assert told in str(error.value)


def test_two_expectations_of_one_name_are_refused():
    declared = {**ROW, "meta": {"scope": "row", "reason": "missing_value"}}
    with pytest.raises(ConfigError, match=r"expectations\[1\].*another expectation is called mid_not_be_null"):
        parse_suite({"name": "labels", "expectations": [declared, declared]}, {"mid": "string"}, "here")


WIDER = {
    "ids": ("expect_column_values_to_be_unique", {"column": "id"}),
    "pairs": ("expect_compound_columns_to_be_unique", {"column_list": ["id", "mid"], "ignore_row_if": "never"}),
    "too_few": ("expect_table_row_count_to_be_between", {"min_value": 9}),
    "enough": ("expect_table_row_count_to_be_between", {"min_value": 1, "max_value": 8}),
    "equal": (row_expectations.EQUAL, {"column_A": "a", "column_B": "b", "ignore_row_if": "either_value_is_missing"}),
    "above": (
        row_expectations.A_ABOVE_B,
        {"column_A": "a", "column_B": "b", "or_equal": False, "ignore_row_if": "either_value_is_missing"},
    ),
    "between_where": (
        row_expectations.BETWEEN,
        {"column": "a", "min_value": 2, "row_condition": "mid <> 'x'", "condition_parser": "spark"},
    ),
    "there_where": (
        row_expectations.NOT_NULL,
        {"column": "a", "row_condition": "mid = 'x'", "condition_parser": "spark"},
    ),
    "query": (scopes.QUERY, {"unexpected_rows_query": "SELECT id, a FROM {batch} WHERE a > b"}),
    "kept_query": (scopes.QUERY, {"unexpected_rows_query": "SELECT id FROM {batch} WHERE a > 99"}),
}
KEPT = ("enough", "kept_query")


def test_wider_scopes_conditions_and_missing_values_agree_with_great_expectations_own_run(
    spark: SparkSession, tmp_path: Path
):
    rows = pa.table(
        {
            "id": ["k", "k", "l", "m", "n", "n", "n", "o"],
            "mid": pa.array(["x", "x", "x", "y", None, None, "y", "x"]),
            "a": pa.array([1.0, None, 3.0, 4.0, 1.0, None, 1.0, 8.0]),
            "b": pa.array([1.0, 2.0, None, 3.0, 2.0, None, 2.0, 7.0]),
        }
    )
    declared = [
        {"type": kind, "kwargs": kwargs, "severity": "warning", "description": name}
        | {"meta": {"name": name, "scope": "table" if kind in scopes.UNIQUE else "release"}}
        for name, (kind, kwargs) in WIDER.items()
    ]
    types = {"id": "string", "mid": "string", "a": "double", "b": "double"}
    suite = parse_suite({"name": "t", "expectations": declared}, types, "t")
    frame = spark.createDataFrame(rows).coalesce(1)
    path = tmp_path / "t.parquet"
    pq.write_table(rows, path)
    files = [TableFile(str(path), {}, path.stat().st_size)]
    target = CheckTarget("t", str(tmp_path), 0, suite, rows.schema, frame.schema.json(), (), files=files)
    (checked,) = check_targets(lambda: spark, [target], WarehouseContext(Warehouse.at(tmp_path)))
    asset = gx.get_context(mode="ephemeral").data_sources.add_spark("spark").add_dataframe_asset("rows")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    asked = {"result_format": "COMPLETE", "partial_unexpected_count": EXAMPLES, "unexpected_index_column_names": ["id"]}
    plain = batch.validate(gx.ExpectationSuite(name="t", expectations=declared), result_format=asked)
    theirs = {r.expectation_config.description: r for r in plain.results}
    for expectation in suite.expectations:
        name = expectation.name
        ours, expected = gx_results.gx_validation(expectation, checked.counts[name], ["id"]), theirs[name]
        assert not expected.exception_info.get("raised_exception"), expected.exception_info
        assert ours.success == expected.success == (name in KEPT), name
        for key in (*COMPARED, "observed_value", "details"):
            assert _plain(ours.result.get(key)) == _plain(expected.result.get(key)), (name, key)
