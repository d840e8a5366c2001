"""Values of data as parts of paths: nothing that stands in a table, a name or a result leads out of its folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from hypothesis import given
from hypothesis import strategies as st

from oilake.conf.errors import StoreError
from oilake.conf.file_names import PLAIN, checked_part, file_name
from oilake.jobs.reporting import gx_data_docs
from oilake.jobs.tables import checkpoint, targets
from oilake.jobs.tables.staging import StagedFile, Writer
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas
from tests.conftest import Oilake
from tests.support import foreign_tables

OUT = "x/../../../../esc/f"
AWKWARD = (
    OUT,
    "../x",
    "a b",
    "12:30",
    "x%2Fy",
    ".",
    "..",
    "-",
    "",
    "a.b",
    "con/",
    "\0",
    "\x1b[2J",
    "ü" * 300,
    "a" * 300,
    "~",
)


@given(st.text())
def test_a_name_of_a_file_is_one_plain_part(value: str):
    name = file_name(value)
    assert PLAIN.fullmatch(name)
    assert (name == value) == bool(PLAIN.fullmatch(value))


def test_no_two_values_share_a_name():
    assert len({file_name(value) for value in AWKWARD}) == len(AWKWARD)
    assert file_name("v3") == "v3"


@pytest.mark.parametrize("value", AWKWARD)
def test_a_partition_is_staged_under_a_plain_name_alone(tmp_path: Path, value: str):
    with pytest.raises(StoreError, match="cannot be part of a path"):
        Writer(Warehouse.at(tmp_path), schemas.table_schema("classes"), {"release": value}, "run", 0)
    with pytest.raises(StoreError, match="correct it in the release's YAML"):
        checked_part("release", value)
    assert checked_part("release", "v3") == "v3"


@pytest.mark.parametrize("value", AWKWARD)
def test_a_note_of_what_is_staged_stays_in_its_folder(tmp_path: Path, value: str):
    staged = StagedFile("blob_checks", "p", {}, 1, 1, "{}")
    checkpoint.write_note(Warehouse.at(tmp_path), "blob_checks", {"release": "v3", "location": value}, [staged])
    (note,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert note.parent == tmp_path / "blob_checks" / "_unfinished"
    assert checkpoint.read_note(Warehouse.at(tmp_path), "blob_checks", {"release": "v3", "location": value}) == [staged]
    assert checkpoint.read_note(Warehouse.at(tmp_path), "blob_checks", {"release": "v3", "location": "other"}) == []


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/x", "file:///etc/x", "a\0b"])
def test_no_note_names_a_file_outside_its_table(tmp_path: Path, path: str):
    """What a note names may be deleted later, and a note may have come with a copied warehouse."""
    with pytest.raises(StoreError, match="not in its folder; restore the warehouse"):
        StagedFile("classes", path, {}, 1, 1, "{}")
    with pytest.raises(StoreError):
        StagedFile(path, "p.parquet", {}, 1, 1, "{}")


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_check_and_docs_write_nothing_outside_whatever_a_table_holds(oilake: Oilake, tmp_path: Path):
    """Releases, names of tables and of runs: all that a table and its results bring into a path."""
    home = tmp_path / "a" / "b" / "c" / "d"
    home.mkdir(parents=True)
    rows = pa.table({"a": [1, 2, 3, 4], "release": [OUT, "a b", "12:30", None]})
    copy = foreign_tables.table(home / "t", [foreign_tables.counted()], rows, partition_by=["release"])
    before = everything(tmp_path)
    code, out, err = oilake("check", copy, "--json")
    assert (code, err) == (0, "")
    assert {one["release"] for one in json.loads(out)["tables"]} == {"12:30", None, "a b", OUT}
    added = everything(tmp_path) - before
    kept = {path for path in added if path.startswith("a/b/c/d/t/_quality/")}
    assert added - kept == {"a/b/c/d/t/_quality"}
    assert len(kept) == 4
    for path in kept:
        document = json.loads((tmp_path / path).read_text()) | {"run_id": OUT}
        (tmp_path / path).write_text(json.dumps(document))
    foreign_tables.carrying_text(
        home / "t",
        json.dumps({"expectations": [foreign_tables.counted()], "meta": {"version": 1}, "name": OUT}, sort_keys=True),
    )
    before = everything(tmp_path)
    code, _, err = oilake("docs", copy, "--to", str(home / "pages"))
    assert (code, err) == (0, "")
    assert all(path.startswith("a/b/c/d/pages") for path in everything(tmp_path) - before)
    assert sum("validations" in path and path.endswith(".html") for path in everything(home / "pages")) == 4
    assert gx_data_docs.FOLDER in os.listdir(home / "pages")


def test_a_link_in_the_place_of_the_results_is_not_followed(oilake: Oilake, tmp_path: Path):
    copy = foreign_tables.table(tmp_path / "t", [foreign_tables.counted()])
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "t" / "_quality").symlink_to(tmp_path / "elsewhere")
    code, _, err = oilake("check", copy)
    assert code == 0
    assert "the results cannot be kept beside the table (_quality is a link" in err
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize(
    "path", ["../other/secret.parquet", "%2E%2E/other/secret.parquet", "{other}", "file://{other}"]
)
def test_a_file_of_another_folder_is_not_read(oilake: Oilake, tmp_path: Path, path: str):
    write_deltalake(str(tmp_path / "other"), pa.table({"a": [77_777]}))
    (secret,) = (tmp_path / "other").glob("*.parquet")
    (tmp_path / "other" / "secret.parquet").write_bytes(secret.read_bytes())
    copy = foreign_tables.table(
        tmp_path / "t", [foreign_tables.query("all", "SELECT * FROM {batch}"), foreign_tables.counted()]
    )
    named = path.format(other=tmp_path / "other" / "secret.parquet")
    added = {"path": named, "partitionValues": {}, "size": secret.stat().st_size, "modificationTime": 0}
    added |= {"dataChange": True, "stats": '{"numRecords": 1}'}
    (tmp_path / "t" / "_delta_log" / f"{2:020}.json").write_text(json.dumps({"add": added}))
    for job in ("check", "propose"):
        code, out, err = oilake(job, copy)
        assert (code, out) == (2, "")
        assert "which is not in its folder" in err
        assert "77777" not in err


def test_partition_values_that_are_escaped_are_read_by_check_and_propose(oilake: Oilake, tmp_path: Path):
    """By the reading of files, by the engine of strange queries and by Spark, which counts the keys."""
    values = ["a b", "12:30", "x%2Fy", "x/y", None, "[1-2]{a,b}*", "a=b", "ü", "tab\tand'quote", "plain"]
    rows = pa.table({"a": [1, 1, 1] * 10, "k": [*range(30)], "release": [v for v in values for _ in range(3)]})
    key = {
        "type": "expect_compound_columns_to_be_unique",
        "kwargs": {"column_list": ["release", "a"], "ignore_row_if": "never"},
        "severity": "critical",
        "description": "no two rows are equal",
        "meta": {"scope": "table"},
    }
    found = foreign_tables.query("found", "SELECT release, count(*) AS rows FROM {batch} GROUP BY release")
    copy = foreign_tables.table(tmp_path / "t", [key, foreign_tables.counted(3)], rows, partition_by=["release"])
    code, out, err = oilake("check", copy, "--json")
    assert (code, err) == (1, "")
    tables = json.loads(out)["tables"]
    assert {one["release"] for one in tables} == set(values)
    for one in tables:
        repeated, counted = one["results"]
        assert (repeated["unexpected_count"], counted["observed"]) == (3, "3"), one["release"]
        assert json.loads(repeated["examples"][0]) == {"release": one["release"], "a": 1, "rows": 3}
    code, text, err = oilake("propose", copy)
    assert (code, err) == (0, "")
    assert "# Proposed from 30 rows of t (" in text
    for value in ("a b", "12:30"):
        assert oilake("check", copy, "--release", value)[0] == 1
    assert oilake("check", copy, "--release", "nothing")[0] == 2
    again = foreign_tables.table(tmp_path / "u", [found], rows, partition_by=["release"])
    (one,) = json.loads(oilake("check", again, "--release", "a b", "--json")[1])["tables"]
    assert [json.loads(row) for row in one["results"][0]["examples"]] == [{"release": "a b", "rows": 3}]


def test_releases_that_are_no_texts_are_told_as_texts(tmp_path: Path):
    rows = pa.table({"a": [1, 2, 3], "release": pa.array([7, 8, None], pa.int32())})
    copy = foreign_tables.table(tmp_path / "t", [foreign_tables.counted()], rows, partition_by=["release"])
    assert [one.name for one in targets.copied_targets(copy, None)] == ["t 7", "t 8", "t"]
    assert [one.release for one in targets.copied_targets(copy, "7")] == ["7"]
