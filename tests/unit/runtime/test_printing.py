"""Text of data reaches a terminal or a spreadsheet as text: nothing obeys it."""

from __future__ import annotations

import argparse
import ast
import csv
import io
import json
from pathlib import Path

import pyarrow as pa
import pytest

from oilake import jobs
from oilake.conf.errors import InputError
from oilake.jobs import history, quarantine, show
from oilake.jobs.blobs import attribution
from oilake.jobs.runtime import entrypoint, printing, progress

HARMFUL = "\x1b]0;x\x07\r\x9b2J\u202e\u2028\x7f"
SHOWN = r"\x1b]0;x\x07\r\x9b2J\u202e\u2028\u007f"
ROOM = Path(jobs.__file__).parent
DOORS = {"runtime/printing.py", "runtime/entrypoint.py"}
NO_DATA = {
    "cli.py",
    "runtime/java_home.py",
    "synthetic/serve.py",
    "validation/sandbox.py",
}  # a version, a path, a docstring, another process


def obeyed(text: str) -> set[str]:
    return {char for char in text if not char.isprintable()} - {"\n"}


@pytest.mark.lengthy
def test_no_job_prints_but_through_the_one_door():
    calls = {
        str(path.relative_to(ROOM))
        for path in ROOM.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "sys.stdout.write", "sys.stderr.write")
    }
    assert calls <= DOORS | NO_DATA


def test_lines_that_are_told_are_not_obeyed(capsys: pytest.CaptureFixture[str]):
    def run(_: argparse.Namespace) -> int:
        printing.print_text(f"a {HARMFUL}\nb")
        progress.log_line(f"c {HARMFUL}")
        return 0

    assert entrypoint.run_guarded(run, argparse.Namespace()) == 0
    assert capsys.readouterr() == (f"a {SHOWN}\nb\n", f"c {SHOWN}\n")


def test_json_stays_json(capsys: pytest.CaptureFixture[str]):
    printing.print_text(json.dumps({HARMFUL: f"ü {HARMFUL}\n"}))
    assert json.loads(capsys.readouterr().out) == {HARMFUL: f"ü {HARMFUL}\n"}


@pytest.mark.parametrize("is_debugged", ["0", "1"])
def test_sentences_of_errors_are_not_obeyed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], is_debugged: str
):
    monkeypatch.setenv("OILAKE_DEBUG", is_debugged)

    def run(_: argparse.Namespace) -> int:
        raise InputError(f"x.csv: {HARMFUL}\n; fetch it again")

    assert entrypoint.run_guarded(run, argparse.Namespace()) == 2
    told = capsys.readouterr().err
    assert told.endswith(rf"oilake: x.csv: {SHOWN}\n; fetch it again" + "\n")
    assert not obeyed(told)


def test_tables_are_aligned_and_not_obeyed(capsys: pytest.CaptureFixture[str]):
    row = {"release": "v3", "title": f"{HARMFUL}\n", "raw": f"\xe9{HARMFUL}\n".encode("latin1", "ignore")}
    show._print_table(list(row), [row])
    lines = capsys.readouterr().out.rstrip("\n").split("\n")
    assert len(lines) == 3
    assert not obeyed("".join(lines))
    assert SHOWN in lines[1]
    assert not obeyed("\n".join(quarantine._text_table(list(row), [row])))
    assert not obeyed("\n".join(history._indented_table([("mid", "name"), ("/m/1", HARMFUL + "\n")])))
    assert list(printing.aligned_lines([("a", "bb"), ("ccc", "d\n")])) == ["a    bb", r"ccc  d\n"]


FORMULAS = ['=HYPERLINK("http://x")', "+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "\tx", "  =1", "\u00a0=1", "\u200b=1",
            "\ufeff@x", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201", "\u3000=1", "\x00=1"]  # fmt: skip


def attribution_text(**values: str | bool) -> str:
    texts = [pa.field(name, pa.string()) for name in ("key", "image_id", *attribution.COLUMNS)]
    rows = pa.Table.from_pylist([{"is_resized": False, **values}], pa.schema([*texts, ("is_resized", pa.bool_())]))
    return attribution.attribution_csv(rows).decode()


@pytest.mark.parametrize("column", ["title", "author", "author_profile_url", "original_url", "key"])
@pytest.mark.parametrize("cell", FORMULAS)
def test_no_cell_of_an_attribution_is_a_formula(cell: str, column: str):
    text = attribution_text(**{column: cell})
    header, cells = list(csv.reader(io.StringIO(text, newline="")))
    assert dict(zip(header, cells, strict=True))[column] == f"'{cell}"
    assert f"\"'{cell[:1]}" in text


@pytest.mark.parametrize("cell", ["A dog", "1+1", "a=b", "'", '"', "https://x/?a=-1", "é", "", "a, b\nc"])
def test_other_cells_of_an_attribution_are_as_they_are(cell: str):
    header, cells = list(csv.reader(io.StringIO(attribution_text(title=cell, is_resized=True), newline="")))
    told = dict(zip(header, cells, strict=True))
    assert (told["title"], told["is_changed"]) == (cell, "true")


def test_an_attribution_that_begins_with_a_formula_is_text():
    header, cells = list(csv.reader(io.StringIO(attribution_text(title="=1", author="=1"))))
    assert dict(zip(header, cells, strict=True))["attribution"] == '"=1" by =1, licence unknown'
