"""`--where`: a condition looks at one row's own values, and what it cannot be is one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from oilake.conf.errors import ConfigError, OilakeError, StoreError
from oilake.jobs.tables import where_conditions
from tests.conftest import Oilake

COLUMNS = "image_id string, mid string, confidence double, reasons array<string>, versions map<string,bigint>"
FITTING = [
    "confidence BETWEEN 1 AND 2 AND NOT (mid IS NULL)",
    "image_id IN ('x', 'y') OR mid LIKE ANY ('/m/%')",
    "exists(reasons, r -> r = 'a') AND array_contains(reasons, 'a') AND reasons[0] = 'a'",
    "map_contains_key(versions, 'k') AND versions['k'] = 1 AND element_at(versions, 'k') < 2",
    "length(mid) > 1 AND mid RLIKE '^/m/' AND lower(mid) = mid AND substring(mid FROM 1 FOR 2) = '/m'",
    "CASE WHEN confidence > 1 THEN true ELSE false END AND coalesce(mid, 'x') <> 'x'",
    "date '2020-01-01' < current_date AND current_timestamp() > now() - INTERVAL 1 DAY",
    "try_cast(image_id AS int) IS NULL AND confidence::int = 1 AND -confidence * 2 + 1 < 0 AND confidence % 2 = 1.5",
    '`mid` = "/m/1" -- a comment',
]
REFUSED = {
    "a subquery of a file": ("exists (SELECT 1 FROM text.`{file}`)", "exists is no part"),
    "a scalar subquery": ("(SELECT count(*) FROM text.`{file}`) > 0", "scalar subquery is no part"),
    "a list of a subquery": ("image_id IN (SELECT value FROM text.`{file}`)", "is no part"),
    "reflect": ("reflect('java.lang.System', 'getenv', 'HOME') = 'x'", "cannot call reflect()"),
    "java_method": ("java_method('java.lang.System', 'getenv', 'HOME') = 'x'", "cannot call java_method()"),
    "try_reflect": ("try_reflect('java.lang.System', 'getenv', 'HOME') = 'x'", "cannot call try_reflect()"),
    "reflect in quotes": ("`reflect`('java.lang.System', 'getenv', 'HOME') = 'x'", "cannot call reflect()"),
    "reflect by its path": ("system.builtin.reflect('a', 'b') = 'x'", "cannot call system.builtin.reflect()"),
    "reflect by an expression": ("identifier('reflect')('a', 'b') = 'x'", "is no part"),
    "reflect in a lambda": ("exists(reasons, r -> reflect('a', r) = 'x')", "cannot call reflect()"),
    "a function of a user": ("my_udf(mid)", "cannot call my_udf()"),
    "a file by a function": ("read_files('{file}')", "cannot call read_files()"),
    "names of files": ("input_file_name() = 'x'", "cannot call input_file_name()"),
    "a bomb of text": ("length(repeat('x', 2000000000)) > 1", "cannot call repeat()"),
    "a bomb of padding": ("lpad('x', 2000000000, 'y') = 'x'", "cannot call lpad()"),
    "a bomb of numbers": ("size(sequence(1, 1000000000)) > 1", "cannot call sequence()"),
    "a bomb of folds": ("aggregate(reasons, 'x', (x, y) -> concat(x, x)) = ''", "cannot call aggregate()"),
    "a bomb of replacements": ("replace(mid, '', mid) = ''", "cannot call replace()"),
    "rows out of one": ("explode(reasons)", "cannot call explode()"),
    "an aggregate": ("count(*) > 1", "cannot call count()"),
    "a window": ("row_number() OVER (ORDER BY mid) = 1", "is no part"),
    "a parameter": ("mid = :name", "named parameter is no part"),
    "a second statement": ("mid = 'x'; SELECT 1", "Syntax error at or near ';'"),
    "brackets of another": ("1 = 1) OR (1 = 1", "Syntax error at or near ')'"),
    "nothing": ("", "empty statement"),
    "half a condition": ("mid =", "Syntax error at or near end of input"),
    "an unknown column": ("colour = 'red'", "`colour` cannot be resolved"),
    "no condition": ("confidence + 1", "is not a boolean"),
    "types that differ": ("confidence > array(1)", "incompatible types"),
    "more arguments than it takes": ("length(mid, mid, mid) = 1", "requires 1 parameters"),
    "brackets without end": ("(" * 5000 + "true" + ")" * 5000, "200 brackets"),
    "more text than is read": ("mid = '" + "x" * 10_000 + "'", "10,000 characters"),
    "a chain without end": ("NOT " * 2400 + "true", "too complex"),
}


@pytest.fixture(scope="module")
def frame(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame([("x", "/m/1", 1.5, ["a"], {"k": 1})], COLUMNS)


def test_conditions_on_a_row_are_met(frame: DataFrame):
    met = frame
    for condition in FITTING:
        met = where_conditions.filter_by_condition(met, condition)
    assert met.count() == 1


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_condition_on_a_row_is_one_sentence(frame: DataFrame, tmp_path: Path, name: str):
    condition, words = REFUSED[name]
    (tmp_path / "secret.txt").write_text("a secret")
    with pytest.raises(ConfigError) as error:
        where_conditions.filter_by_condition(frame, condition.format(file=tmp_path / "secret.txt"))
    told = str(error.value)
    assert told.startswith("--where: ")
    assert words in told
    assert len(told.splitlines()) == 1
    assert not [
        trail for trail in ("SQLSTATE", "line 1", "pos ", "[", "== SQL", "Filter (") if trail in told.split("?")[0]
    ]


def test_the_environment_does_not_stand_in_a_condition(spark: SparkSession, frame: DataFrame):
    assert where_conditions.filter_by_condition(frame, "'${env:PATH}' = concat('$', '{env:PATH}')").count() == 1
    assert spark.conf.get("spark.sql.variable.substitute") == "false"


def broken(frame: DataFrame, condition: str | None) -> OilakeError:
    try:
        (frame if condition is None else where_conditions.filter_by_condition(frame, condition)).collect()
    except Exception as error:
        return where_conditions.reading_error(error, "/lake/images", condition)
    raise AssertionError("nothing broke")


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("cast(mid AS int) = 1", "cannot be cast to"),
        ("mid RLIKE '('", "Unclosed group"),
        ("1 / (confidence - 1.5) > 1", "Division by zero"),
    ],
)
def test_a_value_that_a_condition_cannot_take_is_the_conditions_fault(spark: SparkSession, condition: str, words: str):
    mid = sf.concat(sf.lit("/m/"), sf.col("id").cast("string")).alias("mid")
    stored = spark.range(1).select(mid, (sf.col("id") + 1.5).alias("confidence"))
    error = broken(stored.repartition(2), condition)
    assert isinstance(error, ConfigError)
    assert str(error).startswith("--where: ")
    assert words in str(error)
    assert len(str(error).splitlines()) == 1


def test_a_lost_file_is_the_tables_fault(spark: SparkSession, tmp_path: Path):
    spark.range(5).write.parquet(str(tmp_path / "t"))
    stored = spark.read.parquet(str(tmp_path / "t"))
    for path in (tmp_path / "t").glob("*.parquet"):
        path.unlink()
    for condition in (None, "id > 1"):
        error = broken(stored, condition)
        assert isinstance(error, StoreError)
        assert str(error).startswith("/lake/images: its rows cannot be read (")


def test_show_and_download_refuse_a_condition_that_reads_more(oilake: Oilake, warehouse: str, tmp_path: Path):
    condition = "reflect('java.lang.System', 'getenv', 'HOME') = 'x'"
    code, out, err = oilake("show", "downloads", "--where", condition, "--warehouse", warehouse)
    assert (code, out) == (2, "")
    assert "oilake: --where: a condition cannot call reflect()" in err
