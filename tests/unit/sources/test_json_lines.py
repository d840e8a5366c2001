"""Lines of JSON in any bytes and cuts: the same rows, reasons and lines, in bounded memory, as Python's json reads them."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oilake.jobs.sources import byte_ranges, json_lines
from oilake.jobs.sources.csv_parser import BadRecord
from oilake.jobs.sources.json_lines import keyed_header, parse_line_block, parse_lines, read_line_blocks

TYPES = {
    "image_id": pa.string(),
    "number": pa.int64(),
    "traces": pa.list_(pa.list_(pa.struct([("x", pa.float64()), ("t", pa.float64())]))),
}
HEADER = keyed_header({"image_id": "image_id", "annotator": "number", "traces": "traces"}, "rows.jsonl")
NO_LIMIT = 1 << 20
# Lines that are no rows, each with the one reason.
BAD_LINES = {
    b'{"image_id":"a"': "broken_json",
    b'{"image_id":"a","annotator":1}{"image_id":"b"}': "broken_json",
    b'{"image_id":"a",}': "broken_json",
    b'{"image_id":"a"} x': "broken_json",
    b"image_id": "broken_json",
    b'{"image_id":"a\tb"}': "broken_json",
    b'{"annotator":01}': "broken_json",
    b'{"image_id":"a"} null {"image_id":"b"}': "broken_json",
    b'{"traces":[[{"x":NaN,"t":0}]]}': "broken_json",
    b'{"traces":[[{"x":-Inf,"t":0}]]}': "broken_json",
    b'{"traces":' + b"[" * 2000 + b"]" * 2000 + b"}": "broken_json",
    b'{"unknown":' + b"[" * 2000 + b"]" * 2000 + b"}": "broken_json",
    b"[]": "wrong_json_type",
    b"7": "wrong_json_type",
    b'"text"': "wrong_json_type",
    b"null": "wrong_json_type",
    b'{"image_id":1}': "wrong_json_type",
    b'{"annotator":"1"}': "wrong_json_type",
    b'{"annotator":1.5}': "wrong_json_type",
    b'{"annotator":99999999999999999999}': "wrong_json_type",
    b'{"annotator":true}': "wrong_json_type",
    b'{"image_id":"a","image_id":"b"}': "wrong_json_type",
    b'{"traces":[[{"x":1e999,"t":0}]]}': "wrong_json_type",
    b'{"traces":[[[0.1,0.2]]]}': "wrong_json_type",
    b'{"traces":{"x":1}}': "wrong_json_type",
    b'{"image_id":"\\ud800"}': "wrong_json_type",
    b'{"image_id":"a\0b"}': "nul_byte",
    b'{"image_id":"a"}\0': "nul_byte",
    b'{"image_id":"\xff"}': "invalid_utf8",
}
GOOD_LINES = (
    b'{"image_id":"a","annotator":7,"traces":[[{"x":-0.25,"t":0},{"x":1.5,"t":0.016}],[]]}',
    b'{"traces":[],"image_id":"\\"{}[]\\u00e9 , \\n","annotator":0}',
    '{"image_id":"ÄÖ","annotator":-3,"traces":null}'.encode(),
    b"{}",
    b' \t{"image_id":null } ',
    b'{"image_id":"a"}\r',
    b'\xef\xbb\xbf{"image_id":"b"}',
)

Outcome = tuple[list[tuple[int, dict[str, Any]]], list[BadRecord]]


def read_ranges(data: bytes, cuts: list[int], size: int) -> Outcome:
    """Rows and bad lines of the byte ranges between cuts, each with its physical line, read in blocks of `size`."""
    rows, bad = [], []
    edges = [0, *cuts, len(data)]
    for start, stop in pairwise(edges):
        stream = io.BytesIO(data[start:stop])
        for block in read_line_blocks(stream.read, size, 1 + data.count(b"\n", 0, start)):
            parsed = parse_line_block(block, HEADER, TYPES, NO_LIMIT)
            values = pa.table(parsed.columns).to_pylist()
            rows += zip(parsed.lines(np.arange(parsed.count)).tolist(), values, strict=True)
            bad += parsed.bad
    return rows, bad


def one_by_one(data: bytes) -> Outcome:
    """The same from each line by itself."""
    rows, bad = [], []
    for number, line in enumerate(data.split(b"\n"), 1):
        raw = line.removesuffix(b"\r")
        if not raw.strip():
            continue
        judged = parse_lines([raw], HEADER, TYPES, NO_LIMIT)
        rows += [(number, row) for row in pa.table(judged.columns).to_pylist()]
        bad += [BadRecord(number, raw, reasons) for reasons in judged.bad.values()]
    return rows, bad


@pytest.mark.parametrize(("raw", "reason"), BAD_LINES.items())
def test_a_bad_line_has_its_reason_and_leaves_its_neighbours(raw: bytes, reason: str):
    rows, bad = read_ranges(b"\n".join([GOOD_LINES[0], raw, GOOD_LINES[1]]), [], 1 << 20)
    assert bad == [BadRecord(2, raw, (reason,))]
    assert [line for line, _ in rows] == [1, 3]


def test_a_last_line_that_was_cut_is_told_and_one_without_a_line_end_is_not():
    whole = GOOD_LINES[0]
    assert read_ranges(whole, [], 1 << 20)[1] == []
    rows, bad = read_ranges(GOOD_LINES[1] + b"\n" + whole[:-9], [], 1 << 20)
    assert (len(rows), bad) == (1, [BadRecord(2, whole[:-9], ("broken_json",))])


json_numbers = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False, width=64), st.just(0)
)
documents = st.fixed_dictionaries(
    {},
    optional={
        "image_id": st.one_of(st.none(), st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))),
        "annotator": st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
        "traces": st.lists(
            st.lists(st.fixed_dictionaries({"x": json_numbers, "t": json_numbers}), max_size=3), max_size=3
        ),
        "unknown": st.recursive(st.integers(), lambda inner: st.lists(inner, max_size=2), max_leaves=4),
    },
)
written = st.builds(lambda document, plain: json.dumps(document, ensure_ascii=plain).encode(), documents, st.booleans())
lines = st.one_of(
    written,
    st.sampled_from([*BAD_LINES, *GOOD_LINES]),
    st.sampled_from([b"", b" ", b"\r"]),
    st.builds(lambda raw, stop: raw[:stop], written, st.integers(0, 60)),
    st.binary(max_size=12).map(lambda raw: raw.replace(b"\n", b"")),
)


@pytest.mark.lengthy
@given(st.lists(lines, max_size=12), st.booleans(), st.integers(1, 400), st.data())
def test_no_cut_changes_a_row(parts: list[bytes], ends_with_newline: bool, size: int, data: st.DataObject):
    content = b"\n".join(parts) + b"\n" * ends_with_newline
    starts = [n + 1 for n, octet in enumerate(content) if octet == 10]
    cuts = sorted(data.draw(st.sets(st.sampled_from(starts), max_size=3))) if starts else []
    rows, bad = read_ranges(content, cuts, size)
    expected_rows, expected_bad = one_by_one(content)
    assert repr(rows) == repr(expected_rows)
    assert bad == expected_bad


@pytest.mark.lengthy
@given(st.lists(documents, min_size=1, max_size=8))
def test_rows_are_those_of_pythons_json(expected: list[dict[str, Any]]):
    content = "".join(json.dumps(document) + "\n" for document in expected).encode()
    rows, bad = read_ranges(content, [], 1 << 20)
    assert bad == []
    for (_, row), document in zip(rows, map(json.loads, content.splitlines()), strict=True):
        assert (row["image_id"], row["number"]) == (document.get("image_id"), document.get("annotator"))
        stretches = document.get("traces")
        assert row["traces"] == (stretches if stretches is None else [[as_doubles(p) for p in s] for s in stretches])


def as_doubles(point: dict[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in point.items()}


def test_unknown_keys_are_named_wherever_they_stand_and_cost_no_row():
    raws = [b'{"image_id":"a","more":{"x":1}}', b'{"traces":[[{"x":1,"t":0,"pressure":2}]],"more":1}', GOOD_LINES[0]]
    parsed = parse_lines(raws, HEADER, TYPES, NO_LIMIT)
    assert parsed.extra == ("more", "traces.pressure")
    assert (len(parsed.places), parsed.bad) == (3, {})


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("size", [1000, 1 << 20])
def test_of_a_line_that_is_too_long_a_bounded_part_is_kept(monkeypatch: pytest.MonkeyPatch, place: int, size: int):
    monkeypatch.setattr(json_lines, "MAX_LINE", 5000)
    long_line = b'{"image_id":"' + b"a" * 20_000 + b'"}'
    parts = [GOOD_LINES[0], GOOD_LINES[0]]
    parts.insert(place, long_line)
    rows, bad = read_ranges(b"\n".join(parts), [], size)
    assert bad == [BadRecord(place + 1, long_line[:5001], ("line_too_long",))]
    assert [line for line, _ in rows] == [n + 1 for n in range(3) if n != place]
    again = parse_lines([bad[0].raw], HEADER, TYPES, NO_LIMIT)
    assert again.bad == {0: ("line_too_long",)}


def test_memory_is_that_of_a_block_and_a_line_however_long_the_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(json_lines, "MAX_LINE", 1 << 20)
    peaks = [peak_bytes(megabytes) for megabytes in (8, 64)]
    assert max(peaks) < 6 << 20
    assert peaks[1] < 1.2 * peaks[0]


def peak_bytes(megabytes: int) -> int:
    """The most memory that reading takes of one line of so many megabytes behind as many of short lines."""

    def pieces() -> Iterator[bytes]:
        yield from ((GOOD_LINES[0] + b"\n") * 1000 for _ in range(megabytes * 11))
        yield from (b"x" * (1 << 16) for _ in range(megabytes * 16))

    stream, rest = pieces(), b""

    def read(count: int) -> bytes:
        nonlocal rest
        while len(rest) < count and (piece := next(stream, b"")):
            rest += piece
        taken, rest = rest[:count], rest[count:]
        return taken

    tracemalloc.start()
    for block in read_line_blocks(read, 1 << 18):
        assert len(block.data) <= (1 << 20) + (1 << 18) + 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.lengthy
@given(st.lists(st.text('ab"\\', max_size=9), max_size=60), st.integers(1, 9))
def test_ranges_of_lines_heed_no_quotes(tmp_path_factory: pytest.TempPathFactory, texts: list[str], count: int):
    path: Path = tmp_path_factory.getbasetemp() / "lines.jsonl"
    content = "".join(f"{text}\n" for text in texts).encode()
    path.write_bytes(content)
    ranges = byte_ranges.plan_ranges(str(path), len(content), count, has_quotes=False)
    assert b"".join(content[part.start : part.stop] for part in ranges) == content
    for part in ranges:
        assert part.start == 0 or content[part.start - 1] == 10
        assert part.line == 1 + content.count(b"\n", 0, part.start)
