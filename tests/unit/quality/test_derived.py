"""What a suite derives: promises of the schema stand in it, in their places, and no file of `quality/` says them again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from oilake.conf.errors import ConfigError
from oilake.quality import derived_expectations, row_expectations, scopes, suites
from oilake.quality.suites import Expectation, Suite, declared_suite
from oilake.schemas import loader as schemas
from oilake.schemas.loader import Column, Table

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "support" / "golden" / "suites"


def toy_schema(*columns: str) -> Table:
    """A table of text columns, of which those that end in `?` may be NULL."""
    listed = tuple(Column(name.rstrip("?"), "string", name.endswith("?"), "text") for name in columns)
    return Table("toys", "Toys.", "one row a toy", "ingest", ("release",), ("release",), (), (), listed)


def toy_suite(schema: Table, *entries: dict[str, Any]) -> Suite:
    return declared_suite({"name": "toys", "expectations": list(entries)}, schema, "toys.yaml")


def in_set(column: str) -> dict[str, Any]:
    return row_entry(row_expectations.IN_SET, {"column": column, "value_set": ["a"]})


def matching(column: str, regex: str = "^v$", **meta: str) -> dict[str, Any]:
    return row_entry(row_expectations.MATCH, {"column": column, "regex": regex}, **meta)


def row_entry(kind: str, kwargs: dict[str, Any], **meta: str) -> dict[str, Any]:
    known = {"scope": "row", "reason": "wrong_subset", **meta}
    return {"type": kind, "kwargs": kwargs, "severity": "warning", "description": "a toy", "meta": known}


def query_entry(**meta: Any) -> dict[str, Any]:
    known = {"scope": "cross_table", "name": "odd_toys", **meta}
    return {"type": scopes.QUERY, "severity": "warning", "description": "no odd toys", "meta": known}


def short(expectation: Expectation) -> str:
    kinds = {
        row_expectations.NOT_NULL: "never null",
        row_expectations.NOT_MATCH: "no line break",
        row_expectations.MATCH: "matches",
        row_expectations.IN_SET: "in set",
    }
    return " ".join([*expectation.columns, kinds.get(expectation.type, expectation.type)])


def order(suite: Suite) -> list[str]:
    return [short(expectation) for expectation in suite.expectations]


def test_a_column_that_is_never_null_is_promised_as_soon_as_the_schema_says_so():
    entries = (in_set("color"), in_set("size"))
    assert order(toy_suite(toy_schema("maker?", "color?", "size"), *entries)) == [
        "color in set", "size never null", "size in set",
    ]  # fmt: skip
    suite = toy_suite(toy_schema("maker", "color", "size", "weight"), *entries)
    assert order(suite) == [
        "maker never null", "color never null", "color in set", "size never null", "size in set", "weight never null",
    ]  # fmt: skip
    first = suite.expectations[0]
    assert (first.kwargs, first.severity, first.meta.scope) == ({"column": "maker"}, "critical", "row")
    assert (first.description, first.meta.reason) == ("every row has a value in maker", "missing_value")


def test_what_is_about_more_than_one_row_comes_after_every_column():
    unique = {
        **in_set("color"),
        "type": scopes.UNIQUE_COLUMN,
        "kwargs": {"column": "color"},
        "meta": {"scope": "table"},
    }
    suite = toy_suite(toy_schema("color", "size"), in_set("color"), unique)
    assert order(suite) == ["color never null", "color in set", "size never null", f"color {scopes.UNIQUE_COLUMN}"]


def test_one_entry_stands_for_all_other_columns():
    schema = toy_schema("color", "size", "maker?", "weight")
    suite = toy_suite(schema, in_set("color"), derived_expectations.ALL_OTHERS, in_set("size"))
    assert order(suite) == [
        "color never null", "color in set", "size never null", "weight never null", "size in set",
    ]  # fmt: skip


def test_a_file_may_give_its_own_reason_for_a_column():
    mine = row_entry(row_expectations.NOT_NULL, {"column": "color"}, reason="unknown_source")
    suite = toy_suite(toy_schema("color", "size"), mine, in_set("color"))
    assert order(suite) == ["color never null", "color in set", "size never null"]
    assert suite.expectations[0].meta.reason == "unknown_source"
    some = row_entry(
        row_expectations.NOT_NULL, {"column": "color", "row_condition": "size = 'x'", "condition_parser": "spark"}
    )
    assert order(toy_suite(toy_schema("color", "size?"), some)) == ["color never null", "color never null"]


def test_a_regex_that_ends_in_a_dollar_brings_its_companion():
    """As severe, for the same reason and rows; none where the file has one, and one a column and condition."""
    condition = {"row_condition": "maker = 'x'", "condition_parser": "spark"}
    some = row_entry(row_expectations.MATCH, {"column": "size", "regex": "^b$", **condition}, name="size_of_x")
    mine = row_entry(row_expectations.NOT_MATCH, {"column": "maker", "regex": derived_expectations.ANY_LINE_BREAK})
    suite = toy_suite(
        toy_schema("color?", "size?", "maker?", "url?"), matching("color"), matching("size"), some, matching("maker"),
        mine, matching("url", "^http"),
    )  # fmt: skip
    assert order(suite) == [
        "color matches", "color no line break", "size matches", "size no line break", "size matches",
        "size no line break", "maker matches", "maker no line break", "url matches",
    ]  # fmt: skip
    plain, conditional = suite.expectations[1], suite.expectations[5]
    assert plain.kwargs == {"column": "color", "regex": derived_expectations.ANY_LINE_BREAK}
    assert (plain.severity, plain.meta) == ("warning", suite.expectations[0].meta)
    assert conditional.kwargs == {"column": "size", "regex": derived_expectations.ANY_LINE_BREAK, **condition}
    assert conditional.name == "size_of_x_without_line_breaks"


def test_shares_of_null_are_asked_of_every_column_that_may_be_null():
    entry = query_entry(scope="release", null_shares={"by": ["color"]})
    narrow = query_entry(scope="release", null_shares={"by": ["color"], "columns": ["maker"]})
    (query,) = toy_suite(toy_schema("color?", "size?", "maker?"), entry).of("release")
    assert query.meta.reads == ("earlier_toys",)
    text = query.kwargs["unexpected_rows_query"]
    assert text.count("UNPIVOT (share FOR name IN (size, maker))") == 2
    assert text.count("avg(IF(maker IS NULL, 1, 0)) AS maker FROM {batch} GROUP BY color") == 1
    (more,) = toy_suite(toy_schema("color?", "size?", "maker?", "url?"), entry).of("release")
    assert "IN (size, maker, url)" in more.kwargs["unexpected_rows_query"]
    (fewer,) = toy_suite(toy_schema("color?", "size?", "maker?"), narrow).of("release")
    assert "IN (maker)" in fewer.kwargs["unexpected_rows_query"]


def test_a_foreign_key_becomes_its_query():
    key = {"columns": ["image_id"], "table": "images", "their_columns": ["image_id"], "counted_by": ["color"]}
    (query,) = toy_suite(toy_schema("color?", "image_id?"), query_entry(references=key)).expectations
    assert query.meta.reads == ("images",)
    assert query.kwargs["unexpected_rows_query"] == (
        "SELECT t.color, count(*) AS toys FROM {batch} t WHERE t.image_id IS NOT NULL AND NOT EXISTS "
        "(SELECT 1 FROM images i WHERE i.image_id = t.image_id) GROUP BY t.color"
    )
    (strict, filled) = toy_suite(toy_schema("color?", "image_id"), query_entry(references=key)).expectations
    assert short(strict) == "image_id never null"
    assert "IS NOT NULL" not in filled.kwargs["unexpected_rows_query"]


IMAGE = {"columns": ["color"], "table": "images", "their_columns": ["image_id"]}
WRONG = {
    "a table that is none": (query_entry(references={**IMAGE, "table": "pictures"}), "unknown table 'pictures'"),
    "a column of ours that is none": (
        query_entry(references={**IMAGE, "columns": ["colour"]}),
        "toys has no column colour; see schemas/toys.yaml",
    ),
    "a column of theirs that is none": (
        query_entry(references={**IMAGE, "their_columns": ["id"]}),
        "images has no column id; see schemas/images.yaml",
    ),
    "columns of two types": (
        query_entry(references={**IMAGE, "their_columns": ["original_size"]}),
        "color is string, but original_size of images is bigint",
    ),
    "more columns than theirs": (
        query_entry(references={**IMAGE, "columns": ["color", "size"]}),
        "columns and their_columns must be as many",
    ),
    "no column": (query_entry(references={**IMAGE, "columns": [], "their_columns": []}), "one at least"),
    "an unknown key of a foreign key": (
        query_entry(references={**IMAGE, "on": "id"}),
        "unknown key expectations[1].meta.references.on",
    ),
    "a query beside the foreign key": (
        {**query_entry(references=IMAGE), "kwargs": {"unexpected_rows_query": "SELECT 1 FROM {batch}"}},
        "its query is written from meta",
    ),
    "shares of a column that is none": (query_entry(null_shares={"columns": ["colour"]}), "toys has no column colour"),
    "shares of a column that is never null": (
        query_entry(null_shares={"columns": ["color"]}),
        "color is never NULL by schemas/toys.yaml",
    ),
    "rows an image of a table without images": (
        query_entry(rows_an_image={"by": ["color"]}), "toys has no column image_id; see schemas/toys.yaml",
    ),
    "shares of values that may be none": (
        query_entry(value_shares={"columns": ["size"]}),
        "meta.value_shares: size may be NULL, which is no value; declare null_shares of it",
    ),
    "a list of no column": (query_entry(listed_entries={"columns": []}), "meta.listed_entries: name one column at least"),
    "a drift that says what it reads": (
        query_entry(value_shares={"columns": ["color"]}, reads=["earlier_toys"]), "leave out kwargs and reads",
    ),
    "shares of no column": (query_entry(null_shares={"by": ["size"]}), "no column of schemas/toys.yaml may be NULL"),
    "a misspelled key": ({**in_set("color"), "sevrity": "warning"}, "unknown key expectations[1].sevrity"),
    "a severity that is none": ({**in_set("color"), "severity": "bad"}, "expectations[1].severity must be one of"),
    "no arguments": ({key: value for key, value in in_set("color").items() if key != "kwargs"}, "expectations[1].kwargs"),
    "a regex that is none": (
        row_entry(row_expectations.MATCH, {"column": "color", "regex": "("}),
        ", counting what is derived: expectations[3] (expect_column",
    ),
    "arguments that are empty": (row_entry(row_expectations.IN_SET, {}), "missing argument column"),
    "a regex without regex": (row_entry(row_expectations.MATCH, {"column": "color"}), "missing argument regex"),
    "a text": ("expect_magic", "expectations[1] must be a mapping"),
}  # fmt: skip


@pytest.mark.parametrize("why", WRONG)
def test_what_cannot_be_derived_is_refused_by_its_place_in_the_file(why: str):
    """The first entry brings others, which must not shift the numbers of those that follow."""
    entry, told = WRONG[why]
    with pytest.raises(ConfigError, match=r"^toys\.yaml") as error:
        declared_suite(
            {"name": "toys", "expectations": [matching("color"), entry]}, toy_schema("color", "size?"), "toys.yaml"
        )
    assert told in str(error.value)


@pytest.mark.parametrize("document", [None, [], "text", {}, {"name": "toys"}, {"name": "toys", "expectations": "none"}])
def test_a_document_that_is_no_suite_is_refused(document: Any):
    with pytest.raises(ConfigError, match=r"^toys\.yaml: .*(must be|missing key)"):
        declared_suite(document, toy_schema("color"), "toys.yaml")


def test_only_a_query_that_reads_the_table_has_a_foreign_key():
    meta = {"scope": "cross_table", "name": "q", "references": IMAGE}
    query = {**query_entry(), "kwargs": {"unexpected_rows_query": "SELECT 1 FROM {batch}"}, "meta": meta}
    odd_row = {**in_set("color"), "meta": {"scope": "row", "reason": "wrong_subset", "references": IMAGE}}
    for entry in (query, odd_row):
        with pytest.raises(ConfigError, match=r"here: expectations\[0\] .*only a query has meta.references"):
            suites.parse_suite({"name": "toys", "expectations": [entry]}, {"color": "string"}, "here")


@pytest.mark.parametrize("table", schemas.table_names())
def test_no_file_declares_what_is_derived(table: str):
    for entry in yaml.safe_load((ROOT / "quality" / f"{table}.yaml").read_text())["expectations"]:
        kwargs = entry.get("kwargs", {})
        assert kwargs.get("regex") != derived_expectations.ANY_LINE_BREAK, (
            f"{kwargs['column']}: its companion is derived"
        )
        assert entry != derived_expectations._not_null_entry(kwargs.get("column", "")), (
            f"{kwargs['column']}: its NOT NULL is derived"
        )
        query = kwargs.get("unexpected_rows_query", "")
        assert "UNPIVOT" not in query, "shares of NULL are meta.null_shares"
        assert "an_image" not in query or table == "boxes", "rows an image are meta.rows_an_image"


@pytest.mark.parametrize("table", schemas.table_names())
def test_a_key_that_a_suite_promises_is_that_of_the_schema(table: str):
    assert tuple(suites.load_suite(table).key()) in ((), schemas.table_schema(table).key)


# Promises that were given up, or came to say something else, when V4 to V7 came: each on purpose, with a new version.
CHANGED_SINCE = {
    "boxes.drift_of_boxes_an_image",
    "boxes.drift_of_null_share",
    "classes.trainable_class_not_listed",
    "hierarchy.name_not_be_null",
    "images.drift_of_null_share",
    "released.table_name_be_in_set",
    "repairs.column_name_be_in_set",
    "image_labels.decided_by_be_in_set",
    "image_labels.decided_by_people_is_verified",
    "image_labels.observations_be_between",
    "label_changes.from_decided_by_be_in_set",
    "label_changes.to_decided_by_be_in_set",
    "label_changes.flipped_from_decided_by",
    "label_changes.flipped_to_decided_by",
    "label_changes.newly_verified_to_decided_by",
    "label_changes.no_longer_verified_from_decided_by",
    "label_changes.made_leaf_most_from_decided_by",
}


@pytest.mark.parametrize("table", [path.stem for path in sorted(GOLDEN.glob("*.json"))])
def test_a_suite_that_has_not_risen_in_version_is_byte_for_byte_the_one_of_before(table: str):
    """The golden texts were carried by tables when every expectation was declared by hand."""
    golden, suite = (GOLDEN / f"{table}.json").read_text(), suites.load_suite(table)
    if suite.version == json.loads(golden)["meta"]["version"]:
        assert suite.text() == golden, (
            f"raise meta.version in quality/{table}.yaml, and say in CHANGELOG.md what changed"
        )


def test_only_what_is_written_otherwise_has_risen():
    """Of what was promised before, nothing is lost and nothing moved; three queries and what they refer to are said anew."""
    changed = set()
    for path in GOLDEN.glob("*.json"):
        schema = schemas.table_schema(path.stem)
        before = suites.parse_suite(json.loads(path.read_text()), {c.name: c.type for c in schema.columns}, path.name)
        now = {expectation.name: expectation for expectation in suites.load_suite(path.stem).expectations}
        kept = [e for e in before.expectations if f"{path.stem}.{e.name}" not in CHANGED_SINCE]
        names = [expectation.name for expectation in kept]
        assert [name for name in now if name in names] == names
        for expectation in kept:
            new = now[expectation.name]
            changed |= {f"{path.stem}.{new.name}"} if new != expectation else set()
            same = replace(new, kwargs=expectation.kwargs, meta=replace(new.meta, references=None))
            assert replace(same, description=expectation.description) == expectation
            if new.type == scopes.QUERY and new.kwargs != expectation.kwargs:
                assert new.name == "label_of_unknown_class" or spaceless(new) == spaceless(expectation)
    assert changed <= {
        "boxes.box_on_unknown_image", "images.drift_of_null_share", "labels.label_of_unknown_class",
        "labels.label_of_unknown_image", "downloads.key_match_regex", "label_changes.change_be_in_set",
        *(f"{table}.mid_match_regex" for table in (
            "boxes", "class_history", "classes", "hierarchy", "image_labels", "image_labels_expanded", "label_changes",
            "labels",
        )),
    }  # fmt: skip


def spaceless(expectation: Expectation) -> list[str]:
    return expectation.kwargs["unexpected_rows_query"].split()
