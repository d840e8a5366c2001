"""What is proposed for a table holds on the rows that it comes from, and breaks on others."""

from __future__ import annotations

import datetime
import json
import math
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import great_expectations as gx
import pyarrow as pa
import pytest
import yaml
from deltalake import DeltaTable, write_deltalake

from oilake.conf.settings import Settings
from oilake.jobs.tables import suite_properties
from oilake.jobs.tables.publication import Publication
from oilake.jobs.tables.staging import stage_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.validation import publish_gate
from oilake.quality import results, scopes, suite_proposal, suites
from oilake.quality.metrics import ExpectationCount, MetricsCollector
from oilake.quality.profiler import Profiler
from oilake.quality.suite_proposal import ProfiledSlice
from oilake.quality.suites import Expectation, ExpectationMeta, Suite
from oilake.schemas import loader as schemas
from tests.conftest import Oilake
from tests.integration.test_check import add_file
from tests.unit.quality.test_rules import JUDGED, random_rows

pytestmark = pytest.mark.slow


def proposed(rows: pa.Table, *parts: int, tolerance: float = 0.1, most: int = 20, key: tuple[str, ...] = ()) -> Suite:
    """The suite proposed from rows that are looked at in parts, each a slice of its own."""
    slices = []
    for start, stop in zip((0, *parts), (*parts, len(rows)), strict=True):
        surveyor = Profiler(rows.column_names, {}, most)
        for begin in range(start, stop, 37):
            surveyor.add(rows.slice(begin, min(37, stop - begin)))
        slices.append(ProfiledSlice(f"v{len(slices) + 1}", stop - start, surveyor.seen))
    text = suite_proposal.proposal_yaml(
        suite_proposal.propose_suite(Suite("t", ()), slices, key, tolerance, most), ["a note"]
    )
    assert text.startswith("# a note\nname: t\n")
    return suites.parse_suite(yaml.safe_load(text), dict.fromkeys(rows.column_names, ""), "here")


def broken(suite: Suite, rows: pa.Table) -> set[str]:
    """The expectations that these rows break, of those that are judged row by row or by the number of rows."""
    judged = [one for one in suite.expectations if one.type in scopes.COUNTED_PER_ROW]
    auditor = MetricsCollector(judged, {}, ())
    auditor.add(rows)
    found = {one.name for one in judged if not results.result_of_count(one, auditor.tally.counts[one.name]).success}
    (count,) = [one for one in suite.expectations if one.type == scopes.ROW_COUNT]
    return found | ({count.name} if not results.result_of_count(count, ExpectationCount(len(rows))).success else set())


@pytest.mark.parametrize("table", JUDGED)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_proposed_of_random_rows_holds_on_each_of_their_slices(table: str, seed: int):
    rows = random_rows(table, seed)
    suite = proposed(rows, 100, 110, most=60)
    assert len(suite.expectations) > len(rows.column_names) / 2
    for start, stop in ((0, 100), (100, 110), (110, 300)):
        assert broken(suite, rows.slice(start, stop - start)) == set()


ROWS = 40
HERE = {
    "image_id": [f"{n:016x}" for n in range(ROWS)],
    "mid": ["/m/0bt9lr", "/g/11bc_2"] * 20,
    "md5": [f"{n:032x}" for n in range(ROWS)],
    "url": [f"https://a.b/{n}" for n in range(ROWS)],
    "release": ["v1", "v2"] * 20,
    "word": ["a", "b", None, "c"] * 10,
    "title": [f"title {n}" for n in range(ROWS)],
    "size": [n % 7 for n in range(ROWS)],
    "share": [n / ROWS for n in range(ROWS)],
    "odd": [math.nan, *range(1, ROWS)],
    "late": [math.inf, *range(1, ROWS)],
    "nothing": [None] * ROWS,
    "flag": [True, None] * 20,
}
TYPES = {"nothing": pa.string(), "odd": pa.float64(), "late": pa.float64()}


def table(**changed: list[Any]) -> pa.Table:
    return pa.table({name: pa.array(values, TYPES.get(name)) for name, values in (HERE | changed).items()})


def test_each_kind_of_column_gets_what_its_values_show():
    told = {one.name: one for one in proposed(table(), key=("image_id",)).expectations}
    kinds = ("image_id", "mid", "md5", "url", "release")
    assert set(told) == {
        *(f"{name}_not_be_null" for name in HERE if name not in ("word", "nothing", "flag")),
        *(f"{name}_match_regex" for name in kinds), *(f"{name}_not_match_regex" for name in kinds if name != "url"),
        "word_be_in_set", "size_be_between", "share_be_between", "key_is_unique", "table_row_count_to_be_between",
        "word_proportion_of_non_null_values_to_be_between", "flag_proportion_of_non_null_values_to_be_between",
    }  # fmt: skip
    assert told["word_be_in_set"].kwargs["value_set"] == ["a", "b", "c"]
    assert told["share_be_between"].kwargs == {"column": "share", "min_value": 0.0, "max_value": 39 / 40}
    assert told["table_row_count_to_be_between"].kwargs == {"min_value": 36, "max_value": 44}
    filled = told["word_proportion_of_non_null_values_to_be_between"]
    assert filled.kwargs == {"column": "word", "min_value": 0.65, "max_value": 0.85}
    assert filled.description.endswith("seen in 30 of 40 rows of v1, give or take 10 points")
    assert told["mid_match_regex"].description.endswith("seen in 40 of 40 values of v1")
    assert told["mid_match_regex"].meta.reason == "invalid_mid"
    assert told["size_be_between"].meta.reason == "unexpected_value"


OTHERS: dict[str, tuple[dict[str, list[Any]], set[str]]] = {
    "an image ID": ({"image_id": ["A" * 16, *HERE["image_id"][1:]]}, {"image_id_match_regex"}),
    "a missing value": ({"size": [None, *HERE["size"][1:]]}, {"size_not_be_null"}),
    "a line break": ({"mid": ["/m/0\n", *HERE["mid"][1:]]}, {"mid_match_regex", "mid_not_match_regex"}),
    "an address": ({"url": ["ftp://a", *HERE["url"][1:]]}, {"url_match_regex"}),
    "a new word": ({"word": ["z", *HERE["word"][1:]]}, {"word_be_in_set"}),
    "a number beyond": ({"share": [1.5, *HERE["share"][1:]]}, {"share_be_between"}),
    "no number": ({"share": [math.nan, *HERE["share"][1:]]}, {"share_be_between"}),
    "fewer values": ({"word": ["a", None, None, None] * 10}, {"word_proportion_of_non_null_values_to_be_between"}),
    "more values": ({"flag": [True] * ROWS}, {"flag_proportion_of_non_null_values_to_be_between"}),
    "more rows": ({name: values * 2 for name, values in HERE.items()}, {"table_row_count_to_be_between"}),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_proposed_breaks_on_other_rows(name: str):
    changed, expected = OTHERS[name]
    assert broken(proposed(table()), table()) == set()
    assert broken(proposed(table()), table(**changed)) == expected


def carrying(folder: Path, text: str) -> Suite:
    """The table in a folder, made to carry the suite of a YAML text."""
    opened = DeltaTable(str(folder))
    suite = suites.parse_suite(yaml.safe_load(text), dict.fromkeys(opened.schema().to_arrow().names, ""), "proposal")
    opened.alter.set_table_properties(suite_properties.carried_properties(suite), raise_if_not_exists=False)
    return suite


def declared(one: Expectation) -> tuple[str, str]:
    """What two expectations of the same type and arguments have in common."""
    values = {key: sorted(value) if key == "value_set" else value for key, value in one.kwargs.items()}
    return one.type, json.dumps(values, sort_keys=True)


@pytest.mark.parametrize("name", ["images", "labels", "image_labels", "release_files", "label_changes"])
def test_what_is_proposed_for_a_table_is_kept_by_a_copy_of_it(
    oilake: Oilake, clean: Settings, tmp_path: Path, name: str
):
    copy, out = tmp_path / name, tmp_path / "proposal.yaml"
    shutil.copytree(Path(clean.warehouse) / name, copy, ignore=shutil.ignore_patterns("_quality"))
    code, told, _ = oilake("propose", name, "--warehouse", clean.warehouse, "--out", str(out))
    assert code == 0
    suite = carrying(copy, out.read_text())
    known = [declared(one) for one in suites.load_suite(name).expectations]
    promised = sum(declared(one) in known for one in suite.expectations)
    assert told == (
        f"{out}: {len(suite.expectations)} expectations, {promised} of which the table promises already (marked so); "
        "review before you use them.\n"
    )
    assert out.read_text().count("  # promised already\n") == promised > 3
    assert len(gx.ExpectationSuite(**yaml.safe_load(out.read_text())).expectations) == len(suite.expectations)
    code, told, _ = oilake("check", str(copy), "--json")
    tables = json.loads(told)["tables"]
    assert [r for one in tables for r in one["results"] if not r["success"]] == []
    assert {r["expectation"] for r in tables[0]["results"]} == {one.name for one in suite.expectations}
    assert (code, [one["not_asked"] for one in tables]) == (0, [{}] * len(tables))
    assert ("key_is_unique" in {one.name for one in suite.expectations}) == bool(schemas.table_schema(name).key)


def test_a_table_of_anyone_gets_a_first_suite_which_finds_what_is_otherwise(oilake: Oilake, tmp_path: Path):
    """With partitions that are no text, columns of other types, and no order."""
    folder = tmp_path / "theirs"
    days = [datetime.date(2017, 11, 16), datetime.date(2017, 11, 17)]
    rows = table().append_column("day", pa.array(days * 20)).append_column("price", pa.array([Decimal("1.50")] * ROWS))
    rows = rows.append_column("box", pa.array([{"x": 1}] * ROWS)).append_column("raw", pa.array([b"\x00"] * ROWS))
    rows = rows.take(list(reversed(range(ROWS))))
    write_deltalake(str(folder), rows, partition_by=["day"])
    code, text, told = oilake("propose", str(folder))
    assert (code, told) == (0, "")
    assert "# Not looked at, since they hold bytes: raw.\n# Nothing is proposed of nothing.\n" in text
    suite = carrying(folder, text)
    assert suite.key() == ["image_id"]
    told = {one.name for one in suite.expectations}
    assert {"day_not_be_null", "price_not_be_null", "box_not_be_null", "size_be_between"} <= told
    assert not {"price_be_between", "day_be_between", "day_be_in_set"} & told
    code, out, _ = oilake("check", str(folder))
    assert code == 0
    assert f"{len(told)} promises kept, 0 critical ones broken, 0 warnings" in out
    strange = table(mid=["banana", *HERE["mid"][1:]], size=[99, *HERE["size"][1:]]).slice(0, 1)
    add_file(str(folder), {"day": "2017-11-16"}, strange)
    code, out, _ = oilake("check", str(folder), "--explain")
    assert code == 1
    assert [line for line in out.splitlines() if line.startswith("theirs: ")] == [
        "theirs: mid_match_regex (critical)", "theirs: size_be_between (warning)", "theirs: price_not_be_null (critical)",
        "theirs: box_not_be_null (critical)", "theirs: key_is_unique (critical)",
    ]  # fmt: skip


def test_what_cannot_be_proposed_of_is_refused_in_one_sentence(oilake: Oilake, clean: Settings, tmp_path: Path):
    write_deltalake(str(tmp_path / "empty"), pa.table({"a": pa.array([], pa.int64())}))
    broken_file = tmp_path / "labels"
    shutil.copytree(Path(clean.warehouse) / "labels", broken_file)
    victim = next(broken_file.rglob("release=v3/**/*.parquet"))
    victim.write_bytes(b"PAR1")
    for arguments, sentence in (
        (["labels", "--tolerance", "2"], "--tolerance must lie between 0 and 1, not 2.0"),
        (["labels", "--max-values", "-1"], "--max-values must be 0 or more, not -1"),
        ([str(tmp_path)], "neither a table of the warehouse nor a folder that holds a Delta table"),
        ([str(tmp_path / "empty")], "so there is nothing to derive an expectation from"),
        ([str(broken_file)], "cannot be read"),
        (["labels", "--release", "v9"], "'v9' is not published here"),
    ):
        code, out, err = oilake("propose", *arguments, "--warehouse", clean.warehouse)
        assert (code, out) == (2, "")
        assert sentence in err
        assert err.count("\n") == 1


@pytest.mark.parametrize(("share", "is_kept"), [(0.5, True), (0.6, False)])
def test_a_share_of_rows_is_judged_before_a_publication(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float, is_kept: bool
):
    """Two files of `classes`; half of all rows have a name."""
    kwargs = {"column": "display_name", "min_value": share}
    promise = Expectation(scopes.FILLED_SHARE, kwargs, "critical", "most have a name", ExpectationMeta("table"))
    monkeypatch.setattr(suites, "load_suite", lambda name: Suite(name, (promise,)))
    schema = schemas.table_schema("classes")
    columns = {one.name: [None] * 4 for one in schema.stored()} | {"mid": ["/m/0b"] * 4, "freebase_id": ["m.0b"] * 4}
    files = []
    for named in (1, 3):
        rows = {**columns, "display_name": ["Dog"] * named + [None] * (4 - named)}
        arrow = schemas.arrow_schema(schema)
        files.append(stage_rows(Warehouse.at(tmp_path), schema, {"release": "v3"}, "run", pa.table(rows, schema=arrow)))
    publication = Publication("v3", "run", "complete", "f", "ingest", {}, tuple(files))
    found = {
        one.table: one.results
        for one in publish_gate.evaluate_publication(
            None, Warehouse.at(tmp_path), publication, publish_gate.PublishFacts()
        )
    }  # type: ignore[arg-type]
    (judged,) = found["classes"]
    assert (judged.success, judged.observed, judged.element_count) == (is_kept, "0.5", 8)
