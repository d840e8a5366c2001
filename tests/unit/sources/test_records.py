"""Records are cut where RFC 4180 says, whatever the size of a block; nothing is lost or invented."""

from __future__ import annotations

import contextlib
import csv
import io
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oilake.conf.errors import InputError
from oilake.jobs.sources import byte_ranges, csv_records, record_walker
from oilake.jobs.sources.csv_parser import Header, parse_block
from oilake.jobs.sources.csv_records import read_blocks

NAMES = ("a", "b", "c")
TYPES = dict.fromkeys(NAMES, pa.string())
FIELD = st.text(alphabet='ab,"\n é\u2028', max_size=8)
JUNK = st.text(alphabet='a,"\n\r', max_size=60).map(str.encode)
LIMIT = 1 << 20


def read(data: bytes, size: int, limit: int = LIMIT) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """((line, raw, values) of each row, (line, raw, reasons) of each record that is none)."""
    rows, bad = [], []
    for block in read_blocks(io.BytesIO(data).read, size):
        parsed = parse_block(block, Header(NAMES), TYPES, limit)
        values = zip(*(parsed.columns[name].to_pylist() for name in NAMES), strict=True)
        places = parsed.locate(np.arange(parsed.count))
        rows += [(*place, tuple(v or "" for v in row)) for place, row in zip(places, values, strict=True)]
        bad += [(record.line, record.raw, record.reasons) for record in parsed.bad]
    return rows, bad


@pytest.mark.lengthy
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


@pytest.mark.lengthy
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


# --- work grows with the bytes and with nothing else ---------------------------------------------------------------


class Counted(bytes):
    """Bytes that count what is looked at when something is searched in them."""

    seen = 0

    def find(self, sub: Any, start: Any = 0, end: Any = None) -> int:
        place = super().find(sub, start, end)
        stop = place if place >= 0 else len(self) if end is None else end
        Counted.seen += 1 + max(0, stop - start)
        return place


SHAPES = {
    "blank lines": (b"", b"\n", b""),
    "blank lines that end in two bytes": (b"", b"\r\n", b""),
    "lines without a comma": (b"", b"a\n", b""),
    "fields without a line": (b"", b'a,"b",', b""),
    "fields before a quote": (b"", b"a,", b'"\n'),
    "a quote that closes behind all lines": (b'"', b"a\n", b'"\n'),
    "a quote that nearly closes behind all lines": (b'"', b"a\n", b'"x\n'),
    "a quote that never closes": (b'"', b"a\n", b""),
    "doubled quotes up to a quote that nearly closes": (b'"', b'a""\n', b'"x\n'),
    "every line leads into the same broken record": (b'"abc\n', b'zzz","abc\n', b'zzz"x\n'),
    "every line leads into the same open quote": (b'"abc\n', b'zzz","abc\n', b"zzz"),
    "broken lines": (b"", b'"a"x,"\n', b""),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("at_end", [True, False])
@pytest.mark.parametrize("longest", [500, record_walker.MAX_RECORD])
def test_a_walk_looks_at_each_byte_a_few_times(monkeypatch: pytest.MonkeyPatch, shape: str, at_end: bool, longest: int):
    monkeypatch.setattr(record_walker, "MAX_RECORD", longest)
    head, pattern, tail = SHAPES[shape]
    assert looked_at(head + pattern * 2000 + tail, at_end) < 6


@pytest.mark.lengthy
@given(JUNK.filter(bool), JUNK, JUNK, st.booleans())
def test_no_pattern_makes_a_walk_look_more_often(pattern: bytes, head: bytes, tail: bytes, at_end: bool):
    assert looked_at(head + pattern * (8000 // len(pattern)) + tail, at_end) < 8


def looked_at(data: bytes, at_end: bool) -> float:
    """How often a byte of `data` is looked at while its records are walked."""
    Counted.seen = 0
    record_walker.walk_records(Counted(data), at_end)
    return Counted.seen / len(data)


@pytest.mark.parametrize("shape", SHAPES)
def test_small_blocks_are_not_looked_at_again_and_again(monkeypatch: pytest.MonkeyPatch, shape: str):
    """What is left of one block is looked at again in the next one: it must not be most of it every time."""
    longest = 4000
    for module in (record_walker, csv_records):
        monkeypatch.setattr(module, "MAX_RECORD", longest)
    looked: list[int] = []
    cuts = csv_records.block_ends

    def counted(data: bytes, at_end: bool, size: int) -> Iterator[tuple[int, bool]]:
        looked.append(len(data))
        return cuts(data, at_end, size)

    monkeypatch.setattr(csv_records, "block_ends", counted)
    head, pattern, tail = SHAPES[shape]
    data = head + pattern * 2000 + tail
    with contextlib.suppress(InputError):
        deque(read_blocks(io.BytesIO(data).read, 10), maxlen=0)
    assert sum(looked) < 8 * len(data)


@given(JUNK, st.integers(1, 20), st.integers(4, 30))
def test_a_record_that_is_too_long_leaves_the_blocks_small(data: bytes, size: int, longest: int):
    with pytest.MonkeyPatch.context() as patch:
        for module in (record_walker, csv_records):
            patch.setattr(module, "MAX_RECORD", longest)
        try:
            found = list(read_blocks(io.BytesIO(data).read, size))
        except InputError:
            return
    assert b"".join(block.data for block in found) == data
    for block in found:
        ends = [record.stop for record in block.records]
        assert len(block.data) <= 2 * size or (ends and max(np.diff(ends, prepend=0)) + 2 >= len(block.data) - 2 * size)


def test_a_line_that_is_too_long_is_told_with_its_file():
    data = b"a,b,c\n" + b"x" * (3 * record_walker.MAX_RECORD)
    with pytest.raises(
        InputError, match=r"images\.tar\.gz: train: line 2 is longer than 32 MiB, .*; fetch the file again"
    ):
        deque(read_blocks(io.BytesIO(data).read, 4 << 20, where="images.tar.gz: train"), maxlen=0)


def test_the_ranges_of_a_file_in_one_quote_are_planned_in_two_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "plain.csv"
    path.write_bytes(b'"' + b"a\n" * 50_000 + b'"\n')
    read: list[int] = []

    @contextlib.contextmanager
    def counted(uri: str) -> Iterator[Any]:
        with open(uri, "rb") as file:
            yield SimpleNamespace(seek=file.seek, read=lambda size: counted_bytes(file.read(size)))

    def counted_bytes(data: bytes) -> bytes:
        read.append(len(data))
        return data

    monkeypatch.setattr(byte_ranges, "open_file", counted)
    size = path.stat().st_size
    assert [(found.start, found.stop) for found in byte_ranges.plan_ranges(str(path), size, 50)] == [(0, size)]
    assert sum(read) <= 2 * size
