"""A suite that a table brings is data: nothing that it says is run where it could read, write, call or exhaust anything."""

from __future__ import annotations

import json
import os
import resource
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from oilake.jobs.synthetic.serve import served_in_thread
from oilake.jobs.tables import targets
from oilake.jobs.validation.sandboxed_query import Sandbox
from oilake.quality import own_queries, scopes, suites
from oilake.quality.metrics import ExpectationCount
from oilake.quality.suites import Expectation
from oilake.schemas import loader as schemas
from tests.conftest import Oilake
from tests.support import foreign_tables

SECRET = "a secret of this machine"
HARM = {
    "a file by Spark's text": "SELECT value FROM text.`{file}`, (SELECT count(*) FROM {{batch}})",
    "a file by read_csv": "SELECT * FROM read_csv('{file}'), {{batch}}",
    "a file by read_text": "SELECT content FROM read_text('{file}'), {{batch}}",
    "a file by its name": "SELECT * FROM '{file}', {{batch}}",
    "a file in a condition": "SELECT * FROM {{batch}} WHERE mid IN (SELECT content FROM read_text('{file}'))",
    "a file by a common table": "WITH t AS (SELECT * FROM read_blob('{file}')) SELECT * FROM t, {{batch}}",
    "names of files": "SELECT * FROM glob('{folder}/*'), {{batch}}",
    "an address": "SELECT * FROM read_csv('{url}'), {{batch}}",
    "a query in a query": "SELECT * FROM query('SELECT 1 FROM read_text(''{file}'')'), {{batch}}",
    "a copy": "COPY {{batch}} TO '{folder}/written.csv'",
    "a copy in parentheses": "(COPY {{batch}} TO '{folder}/written.csv')",
    "an export": "EXPORT DATABASE '{folder}/written' -- {{batch}}",
    "a database": "ATTACH '{folder}/written.db' -- {{batch}}",
    "an extension": "INSTALL httpfs -- {{batch}}",
    "an extension that is loaded": "LOAD '{file}' -- {{batch}}",
    "Java by reflect": "SELECT reflect('java.lang.System', 'getenv', 'OILAKE_SECRET') AS s FROM {{batch}}",
    "Java by java_method": "SELECT java_method('java.lang.System', 'getenv', 'OILAKE_SECRET') AS s FROM {{batch}}",
    "Java by try_reflect": "SELECT try_reflect('java.lang.System', 'getenv', 'OILAKE_SECRET') AS s FROM {{batch}}",
    "the environment": "SELECT getenv('OILAKE_SECRET') AS s FROM {{batch}}",
    "the environment by substitution": "SELECT '${{{{env:OILAKE_SECRET}}}}' AS s FROM {{batch}} x JOIN nothing",
    "a function of nobody": "SELECT my_udf(a) FROM {{batch}}",
    "a second statement": "SELECT * FROM {{batch}}; SELECT * FROM {{batch}}",
    "a view in the place of another": "SELECT 1; CREATE OR REPLACE VIEW oilake_batch AS SELECT 1 -- {{batch}}",
    "settings": "SET threads = 9 -- {{batch}}",
    "a variable of Python": "SELECT * FROM request, {{batch}}",
    "the list of tables": "SELECT * FROM information_schema.tables, {{batch}}",
    "a pointer": "SELECT * FROM arrow_scan(NULL, NULL, NULL), {{batch}}",
    "rows out of nothing": "SELECT * FROM range(1000000000000), {{batch}}",
    "no statement": "-- {{batch}}",
    "brackets without end": "SELECT * FROM {{batch}} WHERE " + "(" * 5000 + "1" + ")" * 5000,
    "a generator of Spark's": "SELECT * FROM {{batch}} LATERAL VIEW explode(sequence(1, 1000000000)) x",
}
FOUR = "oilake_batch x, oilake_batch y, oilake_batch z, oilake_batch u"
BOMBS = {
    "a text of two billion letters": "SELECT repeat('x', 2000000000) FROM oilake_batch",
    "a list of all pairs": f"SELECT list(x.a) FROM {FOUR}, oilake_batch v",
    "every row with every row, four times": f"SELECT sum(hash(x.a, y.a, z.a, u.a)) FROM {FOUR}",
    "a recursion without end": (
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r, oilake_batch"
    ),
}
MOST_BYTES = 2 << 30


class Listener(BaseHTTPRequestHandler):
    asked = 0

    def do_GET(self):
        Listener.asked += 1

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *arguments: Any):
        pass


@pytest.fixture
def url():
    with served_in_thread(ThreadingHTTPServer(("127.0.0.1", 0), Listener)) as server:
        yield f"http://127.0.0.1:{server.server_port}/secret.csv"


def target(folder: Path, rows: pa.Table = foreign_tables.ROWS) -> targets.CheckTarget:
    (found,) = targets.copied_targets(foreign_tables.table(folder, [foreign_tables.counted()], rows), None)
    return found


def test_no_query_of_a_table_reads_writes_or_calls_anything(
    oilake: Oilake, tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
):
    """All of them in one suite, beside a query that is harmless and a promise without one: these are judged."""
    monkeypatch.setenv("OILAKE_SECRET", SECRET)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.csv").write_text(f"{SECRET}\n")
    places = {"file": outside / "secret.csv", "folder": outside, "url": url}
    harm = [foreign_tables.query(name, text.format(**places)) for name, text in HARM.items()]
    harmless = foreign_tables.query("harmless", "SELECT a, mid FROM {batch} WHERE mid IS NULL OR mid NOT LIKE '/m/%'")
    too_few = {"meta": {"scope": "table", "name": "too_few"}, "kwargs": {"min_value": 9}}
    promised = [harmless, *harm, foreign_tables.counted(), foreign_tables.counted() | too_few]
    copy = foreign_tables.table(tmp_path / "copy", promised)
    code, out, err = oilake("check", copy, "--json")
    assert (code, err) == (0, "")
    (found,) = json.loads(out)["tables"]
    assert set(found["not_asked"]) == set(HARM)
    assert all("not one of this version's own, and the sandbox" in why for why in found["not_asked"].values())
    counts = {result["expectation"]: result["unexpected_count"] for result in found["results"]}
    assert counts == {"harmless": 2, "table_row_count_to_be_between": None, "too_few": None}
    shown = [json.loads(row) for result in found["results"] for row in result["examples"]]
    assert shown == [{"a": 3, "mid": None}, {"a": 4, "mid": "x"}]
    code, pages, err = oilake("docs", copy, "--to", str(tmp_path / "pages"))
    assert code == 0, err
    assert os.listdir(outside) == ["secret.csv"]
    assert Listener.asked == 0
    written = [path for folder in (tmp_path / "copy" / "_quality", tmp_path / "pages") for path in folder.rglob("*.*")]
    for text in (out, pages, *(path.read_text(errors="replace") for path in written if path.is_file())):
        assert SECRET not in text


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_ends_in_a_sentence_within_its_limits(tmp_path: Path, name: str):
    rows = pa.table({"a": list(range(2000))})
    found = Sandbox(seconds=4).ask(BOMBS[name], {"oilake_batch": target(tmp_path / "t", rows)})
    assert isinstance(found, str)
    assert "the sandbox did not answer it" in found
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 < MOST_BYTES


def test_the_time_for_all_queries_together_is_bounded(tmp_path: Path):
    sandbox, mine = Sandbox(all_seconds=0.5), target(tmp_path / "t")
    time.sleep(0.6)
    assert "are used up" in str(sandbox.ask("SELECT * FROM oilake_batch", {"oilake_batch": mine}))


def test_a_query_finds_what_stands_in_files_and_in_partitions(tmp_path: Path):
    rows = pa.table({"n": [1, 2, 3], "hour": ["a b", "12:30", None], "day": pa.array([0, 0, 1], pa.date32())})
    copy = foreign_tables.table(tmp_path / "t", [foreign_tables.counted()], rows, partition_by=["hour", "day"])
    (mine,) = targets.copied_targets(copy, None)
    found = Sandbox().ask("SELECT * FROM oilake_batch WHERE hour IS NULL OR hour = '12:30'", {"oilake_batch": mine})
    assert isinstance(found, ExpectationCount)
    assert found.unexpected == 2
    assert found.examples == [
        {"n": 2, "hour": "12:30", "day": "1970-01-01"},
        {"n": 3, "hour": None, "day": "1970-01-02"},
    ]
    long = Sandbox().ask("SELECT repeat('z', 100000) AS z FROM oilake_batch", {"oilake_batch": mine})
    assert isinstance(long, ExpectationCount)
    assert all(len(example["z"]) == 1001 for example in long.examples)


def own() -> list[Expectation]:
    return [
        e for table in schemas.table_names() for e in suites.load_suite(table).expectations if e.type == scopes.QUERY
    ]


def test_own_queries_are_known_by_their_whole_text_and_no_others():
    assert len(own()) > 15
    for one in own():
        assert own_queries.is_own(one)
        text = one.kwargs["unexpected_rows_query"]
        for other in (f"{text};", f"{text}\n", f"{text} --", f" {text}", text.replace("SELECT", "select", 1)):
            assert not own_queries.is_own(replace(one, kwargs={"unexpected_rows_query": other}))
        assert not own_queries.is_own(replace(one, meta=replace(one.meta, reads=(*one.meta.reads, "other"))))


@pytest.mark.parametrize("slot", ["7", "0.5", "1e-05", "7001"])
def test_a_threshold_may_be_any_number(slot: str):
    (one,) = [e for e in own() if e.name == "publication_is_old"]
    text = one.kwargs["unexpected_rows_query"].replace("'365'", f"'{slot}'")
    assert own_queries.is_own(replace(one, kwargs={"unexpected_rows_query": text}))


@pytest.mark.parametrize("slot", ["", "1 OR 1", "reflect('a', 'b')", "1'--", "٣", "-1", "1" * 99, "1\n"])
def test_a_threshold_is_nothing_but_a_number(slot: str):
    (one,) = [e for e in own() if e.name == "publication_is_old"]
    text = one.kwargs["unexpected_rows_query"].replace("'365'", f"'{slot}'")
    assert not own_queries.is_own(replace(one, kwargs={"unexpected_rows_query": text}))


def test_an_own_query_of_a_table_that_it_does_not_fit_is_not_asked(oilake: Oilake, tmp_path: Path):
    """The others are asked all the same."""
    (one,) = [e for e in own() if e.name == "trainable_class_not_listed"]
    text = one.kwargs["unexpected_rows_query"]
    copy = foreign_tables.table(
        tmp_path / "t", [foreign_tables.query("own", text), foreign_tables.query("other", "SELECT a FROM {batch}")]
    )
    code, out, err = oilake("check", copy, "--explain")
    assert (code, err) == (0, "")
    assert "not asked, its query does not fit the table (" in out
    code, out, err = oilake("check", copy)
    assert (code, err) == (0, "")
    assert "not asked, its query does not fit the table (" in out
    assert "other: 4 rows break the promise" in out


ROW: dict[str, Any] = {"severity": "warning", "description": "d", "meta": {"scope": "row", "reason": "missing_value"}}
UNFIT: dict[str, tuple[dict[str, Any], str]] = {
    "a regex of a number": ({"type": "expect_column_values_to_not_match_regex", "kwargs": {"column": "a", "regex": "x"}},
        "a regex is asked of text alone"),
    "a regex of fixed width of a number": ({"type": "expect_column_values_to_not_match_regex", "kwargs": {"column": "a",
        "regex": "^[0-9]{3}$"}}, "a regex is asked of text alone"),
    "a range of texts": ({"type": "expect_column_values_to_be_between", "kwargs": {"column": "mid", "min_value": 0}},
        "do not fit the type of mid"),
    "a range beyond the type": ({"type": "expect_column_values_to_be_between", "kwargs": {"column": "a",
        "min_value": 10**30}}, "do not fit the type of a"),
    "a set of mixed values": ({"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "a",
        "value_set": [1, "x"]}}, "do not fit the type of a"),
    "a condition on a number": ({"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "mid",
        "row_condition": "a = 'x'", "condition_parser": "spark"}}, "do not fit the type of mid and a"),
}  # fmt: skip


def test_a_rule_that_does_not_fit_its_column_is_not_asked_and_no_file_is_called_damaged(oilake: Oilake, tmp_path: Path):
    declared = [
        {**ROW, **one, "meta": {**ROW["meta"], "name": name}} for name, (one, _) in UNFIT.items()
    ]  # fmt: skip
    key = {"type": scopes.UNIQUE_COLUMN, "kwargs": {"column": "nested"}, "severity": "critical", "description": "d",
           "meta": {"scope": "table"}}  # fmt: skip
    rows = foreign_tables.ROWS.append_column("nested", pa.array([[1], [2], [3], [4]]))
    copy = foreign_tables.table(tmp_path / "t", [*declared, key, foreign_tables.counted()], rows)
    code, out, err = oilake("check", copy, "--json")
    assert (code, err) == (0, "")
    (found,) = json.loads(out)["tables"]
    for name, (_, why) in UNFIT.items():
        assert why in found["not_asked"][name]
    assert "have no order" in found["not_asked"]["key_is_unique"]
    assert [result["expectation"] for result in found["results"]] == ["table_row_count_to_be_between"]


def suite(**changed: Any) -> str:
    return json.dumps({"name": "t", "meta": {"version": 1}, "expectations": [foreign_tables.counted()]} | changed)


def rule(kind: str, **kwargs: Any) -> dict[str, Any]:
    return {**ROW, "type": kind, "kwargs": {"column": "mid", **kwargs}}


TORN = {
    "brackets without end": "[" * 100_000,
    "objects without end": '{"a":' * 100_000,
    "deep expectations": '{"name": "t", "expectations": ' + "[" * 70 + "]" * 70 + "}",
    "no JSON": "{",
    "a text": '"suite"',
    "a version that is none": suite(meta={"version": [1]}),
    "a number that nobody reads": '{"name": "t", "meta": {"version": ' + "9" * 5000 + '}, "expectations": []}',
    "an unknown type": suite(expectations=[{**foreign_tables.counted(), "type": "expect_magic"}]),
    "an unknown key": suite(expectations=[{**foreign_tables.counted(), "eval": "1"}]),
    "an unknown key in meta": suite(
        expectations=[{**foreign_tables.counted(), "meta": {"scope": "table", "run": "x"}}]
    ),
    "a column that is a list": suite(expectations=[rule("expect_column_values_to_not_be_null", column=["mid"])]),
    "a regex that is a number": suite(expectations=[rule("expect_column_values_to_not_match_regex", regex=7)]),
    "a regex of no engine": suite(expectations=[rule("expect_column_values_to_not_match_regex", regex="(?=x)")]),
    "a regex that grows": suite(
        expectations=[rule("expect_column_values_to_not_match_regex", regex="((a{99}){99}){99}")]
    ),
    "a set that is a text": suite(expectations=[rule("expect_column_values_to_be_in_set", value_set="abc")]),
    "a bound that is a text": suite(expectations=[rule("expect_column_values_to_be_between", min_value="1; DROP")]),
    "a bound that is an object": suite(
        expectations=[rule("expect_column_values_to_be_between", min_value={"$PARAMETER": "1 + 1"})]
    ),
    "a condition that is SQL": suite(
        expectations=[
            rule(
                "expect_column_values_to_not_be_null", row_condition="reflect('a', 'b') = 'c'", condition_parser="spark"
            )
        ]
    ),
    "a query that is a number": suite(
        expectations=[foreign_tables.query("q", "{batch}") | {"kwargs": {"unexpected_rows_query": 7}}]
    ),
    "a query of a width": suite(expectations=[foreign_tables.query("q", "SELECT * FROM {batch:>2000000000}")]),
    "a query of an attribute": suite(expectations=[foreign_tables.query("q", "SELECT * FROM {batch.__class__}")]),
    "a table that is no name": suite(expectations=[foreign_tables.query("q", "SELECT * FROM {batch}", ["a b; c"])]),
}


@pytest.mark.parametrize("command", ["check", "docs", "propose"])
def test_a_suite_that_is_none_is_one_sentence(oilake: Oilake, tmp_path: Path, command: str):
    copy = tmp_path / "t"
    foreign_tables.table(copy, [foreign_tables.counted()])
    for name, text in TORN.items():
        foreign_tables.carrying_text(copy, text)
        code, out, err = oilake(command, str(copy), *["--to", str(tmp_path / "pages")] * (command == "docs"))
        assert (code, out) == (2, ""), name
        assert err.startswith("oilake: "), name
        assert "oilake.suite" in err, name
        assert "Traceback" not in err, name
        assert len(err) < 1000, name


def test_regexes_take_time_in_proportion_to_the_text(tmp_path: Path):
    """A regex on which an engine that goes back would not end."""
    for regex in ("^(a|aa)+$x", "(?:a?){50}(?:|){50}(?:\\s?){50}x", "((a*)*)*b"):
        rows = pa.table({"mid": ["a" * 50_000, "\n"]})
        foreign_tables.table(
            tmp_path / str(len(regex)), [rule("expect_column_values_to_not_match_regex", regex=regex)], rows
        )


RESULTS = {
    "deep": "[" * 100_000,
    "deep and whole": "[" * 5000 + "]" * 5000,
    "an object of nothing": "{}",
    "no list of results": '{"results": {}}',
    "results of nothing": '{"results": [7]}',
    "no text": b"\xff\xfe",
    "counts beyond all": json.dumps(
        {"run_id": "r", "checked_at": "2026", "release": None, "since": None, "version": 1, "not_asked": {},
         "validations": [],
         "results": [{"expectation": "e", "type": "t", "columns": [], "scope": "row", "severity": "info", "description": "d",
                      "success": True, "element_count": 10**30}]}),
}  # fmt: skip


@pytest.mark.parametrize("name", RESULTS)
def test_results_beside_a_table_that_are_none_are_one_sentence(oilake: Oilake, tmp_path: Path, name: str):
    copy = foreign_tables.table(tmp_path / "t", [foreign_tables.counted()])
    content = RESULTS[name]
    (tmp_path / "t" / "_quality").mkdir()
    (tmp_path / "t" / "_quality" / "9.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    for arguments in (("check", "--history", copy), ("docs", copy, "--to", str(tmp_path / "pages"))):
        code, out, err = oilake(*arguments)
        assert (code, out) == (2, "")
        assert "9.json: holds no results of a check" in err
        assert "take the file away" in err
        assert "Traceback" not in err


def test_deep_examples_beside_a_table_are_shown_as_text(oilake: Oilake, tmp_path: Path):
    copy = foreign_tables.table(tmp_path / "t", [foreign_tables.counted(9)])
    assert oilake("check", copy)[0] == 0
    (path,) = (tmp_path / "t" / "_quality").iterdir()
    document = json.loads(path.read_text())
    document["results"][0] |= {"examples": ["[" * 100_000, '"text"', "7"], "observed": "²", "unexpected_count": None}
    path.write_text(json.dumps(document))
    code, _, err = oilake("docs", copy, "--to", str(tmp_path / "pages"))
    assert (code, err) == (0, "")
