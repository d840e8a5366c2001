"""Records are cut where RFC 4180 says, whatever the size of a block; nothing is lost or invented."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from jobs.sources.records import blocks
from jobs.sources.rows import Header, parse

NAMES = ("a", "b", "c")
TYPES = dict.fromkeys(NAMES, pa.string())
FIELD = st.text(alphabet='ab,"\n é\u2028', max_size=8)
JUNK = st.text(alphabet='a,"\n\r', max_size=60).map(str.encode)
LIMIT = 1 << 20


def read(data: bytes, size: int, limit: int = LIMIT) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """((line, raw, values) of each row, (line, raw, reasons) of each record that is none)."""
    rows, bad = [], []
    for block in blocks(io.BytesIO(data).read, size):
        parsed = parse(block, Header(NAMES), TYPES, limit)
        values = zip(*(parsed.columns[name].to_pylist() for name in NAMES), strict=True)
        places = parsed.locate(np.arange(parsed.count))
        rows += [(*place, tuple(v or "" for v in row)) for place, row in zip(places, values, strict=True)]
        bad += [(record.line, record.raw, record.reasons) for record in parsed.bad]
    return rows, bad


@given(
    st.lists(st.tuples(FIELD, FIELD, FIELD.map("x{}".format)), max_size=8),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(1, 40),
)
def test_rows_are_those_of_pythons_csv_module(table: list[tuple[str, ...]], end: str, size: int):
    written = io.StringIO()
    csv.writer(written, lineterminator=end).writerows(table)
    data = written.getvalue()
    rows, bad = read(data.encode(), size)
    assert not bad
    assert [row[2] for row in rows] == [tuple(row) for row in csv.reader(io.StringIO(data, newline=""))] == table


@given(JUNK, st.integers(1, 20))
def test_the_size_of_a_block_changes_nothing(data: bytes, size: int):
    rows, bad = read(data, size)
    whole_rows, whole_bad = read(data, 1000)
    assert (sorted(rows), sorted(bad)) == (sorted(whole_rows), sorted(whole_bad))


@given(JUNK, st.integers(1, 20))
def test_every_byte_stands_in_one_record(data: bytes, size: int):
    """Rows and bad records, in the order of their lines, are the file again but for line ends."""
    rows, bad = read(data, size)
    raw = [record[1] for record in sorted([*rows, *bad], key=lambda record: record[0])]
    assert b"".join(raw).replace(b"\r", b"").replace(b"\n", b"") == data.replace(b"\r", b"").replace(b"\n", b"")


@given(st.lists(st.tuples(FIELD, FIELD, FIELD.map("x{}".format)), max_size=8), st.integers(1, 40))
def test_lines_are_physical_lines(table: list[tuple[str, ...]], size: int):
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(table)
    data = written.getvalue()
    for line, raw, _ in read(data.encode(), size)[0]:
        assert "\n".join(data.split("\n")[line - 1 :]).encode().startswith(raw)


def test_a_quote_that_is_never_closed_costs_one_line():
    good = [b"1,2,3", b"4,5,6", b'7,"8",9']
    rows, bad = read(b"\n".join([good[0], b'x,"y,z', *good[1:]]), 7)
    assert [row[1] for row in rows] == good
    assert bad == [(2, b'x,"y,z', ("malformed_quotes",))]


def test_text_behind_a_closing_quote_costs_one_line():
    rows, bad = read(b'1,2,3\nx,"y"z,"w"\n4,"5",6\n', 5)
    assert [row[1] for row in rows] == [b"1,2,3", b'4,"5",6']
    assert bad == [(2, b'x,"y"z,"w"', ("malformed_quotes",))]


def test_a_quote_inside_an_unquoted_field_is_text():
    assert [row[2] for row in read(b'1,2"x"3,4\n', 3)[0]] == [("1", '2"x"3', "4")]


def test_a_field_may_be_as_long_as_the_limit_and_no_longer():
    for quote in ("", '"'):
        field = "n,\n" * 10 if quote else "n" * 30
        data = f"1,2,{quote}{field}{quote}\n4,5,6\n".encode()
        length = len(field) + 2 * len(quote)
        assert not read(data, 9, limit=length)[1]
        assert [record[2] for record in read(data, 9, limit=length - 1)[1]] == [("field_too_long",)]


def test_all_reasons_of_a_record_are_told():
    _, bad = read(b"1,\0\xff,2,3\n", 100)
    assert bad == [(1, b"1,\0\xff,2,3", ("nul_byte", "invalid_utf8", "wrong_field_count"))]
