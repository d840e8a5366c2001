"""Rows are asked for in SQL of an engine that is given these rows and can reach nothing else; a refusal is one sentence."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from oilake.conf.errors import ConfigError, StoreError
from oilake.jobs.runtime.locked_duckdb import locked_settings
from oilake.jobs.tables import file_batches
from oilake.jobs.tables.row_query import RowQuery, count_rows, select_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas

TABLE = "quality_results"
FITTING = [
    "element_count BETWEEN 1 AND 2 AND NOT (expectation IS NULL)",
    "run_id IN ('a', 'y') OR expectation LIKE 'x%'",
    "list_contains(columns, 'mid') AND columns[1] = 'mid' AND len(columns) = 1",
    "array_contains(columns, 'mid') AND list_filter(columns, lambda c: c = 'mid') = ['mid']",
    "length(expectation) > 1 AND regexp_matches(expectation, '^mid') AND lower(expectation) = expectation",
    "CASE WHEN element_count > 0 THEN true ELSE false END AND coalesce(release, 'v1') = 'v1'",
    "checked_at > '2026-01-01' AND checked_at < now()::timestamp + INTERVAL 100 YEAR AND date '2020-01-01' < current_date",
    "try_cast(run_id AS int) IS NULL AND element_count::int = 1 AND -element_count * 2 + 1 < 0 AND element_count % 2 = 1",
    "\"RUN_ID\" = 'a' -- a comment",
]
REFUSED = {
    "a subquery of a file": ("exists (SELECT 1 FROM read_text('{file}'))", "subquery is no part"),
    "a scalar subquery": ("(SELECT count(*) FROM '{file}') > 0", "subquery is no part"),
    "a list of a subquery": ("run_id IN (SELECT content FROM read_text('{file}'))", "subquery is no part"),
    "a file by a function": ("read_text('{file}') = 'x'", "read_text"),
    "a variable of the process": ("getenv('HOME') = 'x'", "getenv"),
    "a bomb of text": ("length(repeat('x', 2000000000)) > 1", "cannot call repeat()"),
    "a bomb of padding": ("lpad('x', 2000000000, 'y') = 'x'", "cannot call lpad()"),
    "a bomb of numbers": ("len(range(1, 1000000000)) > 1", "cannot call range()"),
    "a bomb of replacements": ("replace(run_id, '', run_id) = ''", "cannot call replace()"),
    "an aggregate": ("count(*) > 1", "cannot contain aggregates"),
    "a window": ("row_number() OVER (ORDER BY run_id) = 1", "window is no part"),
    "all columns": ("COLUMNS(*) = 'x'", "star is no part"),
    "a parameter": ("run_id = $1", "parameter is no part"),
    "a second statement": ("run_id = 'x'; SELECT 1", 'syntax error at or near ";"'),
    "a second column": ("true) AS met, (false", "more than one condition"),
    "rows of another table": ("true) AS met FROM snapshots WHERE (true", "syntax error"),
    "nothing": ("", "the condition is empty"),
    "half a condition": ("run_id =", "syntax error"),
    "a misspelt column": ("elementcount = 1", "'elementcount': no such column; there is element_count; "),
    "the start of a column": ("expec = 'x'", "'expec': no such column; there is expectation; a condition is SQL"),
    "an unknown column": ("colour = 'red'", "'colour': no such column; there is run_id, "),
    "a text in double quotes": ('run_id = "a"', "'a': no such column; there is run_id, "),
    "no condition": ("element_count + 1", "not true or false but"),
    "types that differ": ("element_count > [1]", "Cannot compare"),
    "more arguments than it takes": ("length(run_id, run_id, run_id) = 1", "No function matches"),
    "a value that it cannot take": ("run_id::int = 1", "Could not convert"),
    "a pattern that is none": ("regexp_matches(run_id, '(')", "missing )"),
    "brackets without end": ("(" * 5000 + "true" + ")" * 5000, "200 brackets"),
    "more text than is read": ("run_id = '" + "x" * 10_000 + "'", "10,000 characters"),
    "a chain without end": ("NOT " * 2400 + "true", "depth"),
}


def result_row(number: int, **values: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(schemas.arrow_schema(schemas.table_schema(TABLE)).names)
    told = {"run_id": "a", "release": "v1", "table_name": "labels", "expectation": "mid_matches", "columns": ["mid"]}
    told |= {"element_count": number, "checked_at": datetime.datetime(2026, 5, 1, 12, tzinfo=datetime.timezone.utc)}
    return row | {name: value for name, value in {**told, **values}.items() if name in row}


def write_rows(folder: Path, rows: list[dict[str, Any]]) -> None:
    schema = schemas.arrow_schema(schemas.table_schema(TABLE))
    nullable = pa.schema([field.with_nullable(True) for field in schema])
    write_deltalake(str(folder / TABLE), pa.Table.from_pylist(rows, nullable), mode="append")


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Two files: two rows of run a, then two of run b."""
    folder = tmp_path_factory.mktemp("lake")
    write_rows(folder, [result_row(1), result_row(2, release="v2", columns=["x", "y"])])
    write_rows(folder, [result_row(3, run_id="b", checked_at=None), result_row(4, run_id="b", columns=None)])
    return Warehouse.at(str(folder))


def selected(warehouse: Warehouse, **asked: Any) -> list[Any]:
    rows = select_rows(warehouse, RowQuery(TABLE, **{"columns": ("element_count",), **asked}))
    return rows["element_count"].to_pylist()


@pytest.mark.lengthy
@pytest.mark.parametrize("condition", FITTING)
def test_a_condition_on_a_row_is_met(warehouse: Warehouse, condition: str):
    assert 1 in selected(warehouse, where=condition)


@pytest.mark.lengthy
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_condition_on_a_row_is_one_sentence(warehouse: Warehouse, tmp_path: Path, name: str):
    condition, words = REFUSED[name]
    (tmp_path / "secret.txt").write_text("a secret")
    with pytest.raises(ConfigError) as error:
        selected(warehouse, where=condition.format(file=tmp_path / "secret.txt"))
    sentence = str(error.value)
    assert sentence.startswith("--where: ")
    assert words in sentence
    assert len(sentence.splitlines()) == 1
    assert "LINE 1" not in sentence


def test_columns_order_and_limit_are_those_asked_for(warehouse: Warehouse):
    rows = select_rows(
        warehouse,
        RowQuery(TABLE, columns=("run_id", "element_count"), order_by=("run_id desc", "element_count"), limit=3),
    )
    assert rows.column_names == ["run_id", "element_count"]
    assert rows.to_pydict() == {"run_id": ["b", "b", "a"], "element_count": [3, 4, 1]}
    assert selected(warehouse, order_by=("checked_at", "element_count desc")) == [4, 2, 1, 3], "NULL comes last"
    assert select_rows(warehouse, RowQuery(TABLE)).column_names == [c.name for c in schemas.table_schema(TABLE).columns]
    assert selected(warehouse, release="v2") == [2]
    assert selected(warehouse, limit=0) == []


def test_rows_are_counted(warehouse: Warehouse):
    assert count_rows(warehouse, RowQuery(TABLE)) == 4
    assert count_rows(warehouse, RowQuery(TABLE, release="v1")) == 3
    assert count_rows(warehouse, RowQuery(TABLE, where="columns IS NULL")) == 1


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"columns": ("run",)}, "--columns 'run': no such column; there is run_id"),
        ({"columns": ('run_id" FROM x --',)}, "no such column"),
        ({"order_by": ("colour",)}, "--order-by 'colour': no such column"),
        ({"order_by": ("run_id; SELECT 1",)}, "a column is followed by asc, desc or nothing"),
        ({"order_by": ("run_id down",)}, "a column is followed by asc, desc or nothing"),
    ],
)
def test_columns_that_are_not_there_are_told(warehouse: Warehouse, asked: dict[str, Any], words: str):
    with pytest.raises(ConfigError) as error:
        select_rows(warehouse, RowQuery(TABLE, **asked))
    assert words in str(error.value)


def test_only_files_that_may_hold_a_row_are_opened(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch):
    opened: list[str] = []
    parquet = pq.ParquetFile

    def counted(stream: Any) -> Any:
        opened.append("file")
        return parquet(stream)

    monkeypatch.setattr(file_batches.pq, "ParquetFile", counted)
    assert selected(warehouse, where="run_id = 'b' AND element_count > 3") == [4]
    assert len(opened) == 1
    assert selected(warehouse, where="run_id = 'c'") == []
    assert len(opened) == 1
    assert sorted(selected(warehouse, where="run_id = 'b' OR element_count = 1")) == [1, 3, 4]
    assert len(opened) == 3


def test_the_engine_reaches_no_file_and_no_setting(tmp_path: Path):
    (tmp_path / "secret.csv").write_text("a\n1\n")
    connection = duckdb.connect(":memory:", config=locked_settings("1GB", 1))
    connection.execute("SET lock_configuration = true")
    for sql in (
        f"SELECT * FROM '{tmp_path}/secret.csv'",
        f"SELECT * FROM read_text('{tmp_path}/secret.csv')",
        f"COPY (SELECT 1) TO '{tmp_path}/out.csv'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SELECT * FROM tmp_path",
    ):
        with pytest.raises(duckdb.Error):
            connection.execute(sql)


def test_a_file_that_is_gone_or_damaged_is_the_stores_fault(tmp_path: Path):
    write_rows(tmp_path, [result_row(1)])
    (file,) = (tmp_path / TABLE).glob("*.parquet")
    file.write_bytes(b"PAR1 no more")
    for where in (None, "run_id = 'a'"):
        with pytest.raises(StoreError) as error:
            selected(Warehouse.at(str(tmp_path)), where=where)
        assert str(error.value).startswith(f"{tmp_path}/{TABLE}/")
        assert "cannot be read" in str(error.value)


def test_a_table_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(ConfigError, match="there is no such table yet; run `oilake ingest --release R` first"):
        selected(Warehouse.at(str(tmp_path)))


def test_a_release_that_holds_a_quote_is_a_text(warehouse: Warehouse):
    assert selected(warehouse, release="v1' OR 'a' = 'a") == []
