"""Blocks of JSON Lines to raw Arrow columns; every line that is no row is told with its reasons.

A block is parsed at once where each of its lines looks like an object of known keys. Where that fails, its lines are judged
one by one, so that how a file is cut into blocks and ranges decides nothing. pyarrow ends the process on a line that is
`null`, and takes NaN: it gets nothing but objects, and a block of which it makes such a number is judged line by line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pajson

from oilake.conf.bounded_json import parse_json
from oilake.conf.errors import InputError
from oilake.jobs.sources.csv_parser import (
    BOM,
    BadRecord,
    Header,
    ParsedRows,
    SeparateRecords,
    is_utf8,
    no_rows,
    row_count,
)
from oilake.jobs.sources.csv_records import Block, ReadBytes
from oilake.jobs.sources.record_walker import NEWLINE, Record

MAX_LINE = 8 << 20
NUL, OPENING, CLOSING = b"\0", b"{"[0], b"}"[0]
NULL_BEHIND_OBJECT = re.compile(rb"\}\s*null")
LEAST_BLOCK = 16  # of pyarrow: a smaller one holds no object

Offsets = npt.NDArray[np.int64]


class JudgedLine(NamedTuple):
    """Why a line is no row (nothing: it is one), and its keys that nobody knows, those inside as `traces.p`."""

    reasons: tuple[str, ...] = ()
    extra: frozenset[str] = frozenset()


def keyed_header(columns: Mapping[str, str], where: str) -> Header:
    """The header of a file whose rows carry their keys; `columns`: published key -> ours."""
    return Header(tuple(columns.values()), where=where, keys=tuple(columns))


def read_line_blocks(read: ReadBytes, size: int, line: int = 1, where: str = "the file") -> Iterator[Block]:
    """The stream behind `read` as blocks of about `size` bytes that end where a line ends.

    `read(n)` gives n bytes, fewer only at the end. Of a line longer than MAX_LINE no more is kept than shows it, so that a
    block takes `size` and MAX_LINE bytes at most. Nothing is refused; `where` serves readers of other formats.
    """
    rest = b""
    at_end = False
    while not at_end:
        fresh = read(size)
        at_end = len(fresh) < size
        stop = len(fresh) if at_end else fresh.rfind(NEWLINE) + 1
        if not (stop or at_end):
            rest = (rest + fresh)[: MAX_LINE + 1]
            continue
        data = b"".join((rest, memoryview(fresh)[:stop]))
        rest = fresh[stop:]
        if data:
            block = Block(data, line, True)
            yield block
            line += len(block.newlines)


def parse_line_block(block: Block, header: Header, types: Mapping[str, pa.DataType], limit: int) -> ParsedRows:
    """The rows of `block` as the given `types`; blank lines are none. `limit` is that of a field, and no matter here."""
    starts, stops = _line_places(block)
    if _looks_sound(block.data, starts, stops):
        columns = _read_columns(block.data, header, types, "error")
        if columns is not None and row_count(columns) == len(starts) and all(map(_are_sound, columns.values())):
            return ParsedRows(block, columns, len(starts), walked=tuple(_line_records(starts, stops)))
    records = [record for record in _line_records(starts, stops) if block.data[record.start : record.stop].strip()]
    raws = [_bounded_line(block.data, record) for record in records]
    judged = parse_lines(raws, header, types, limit)
    lines = block.lines(np.array([record.start for record in records], np.int64)).tolist()
    bad = tuple(BadRecord(lines[n], raws[n], reasons) for n, reasons in judged.bad.items())
    good = tuple(records[n] for n in judged.places.tolist())
    return ParsedRows(block, judged.columns, len(good), bad, good, extra=judged.extra)


def parse_lines(raws: Sequence[bytes], header: Header, types: Mapping[str, pa.DataType], limit: int) -> SeparateRecords:
    """As `parse_line_block`, for lines that were cut already (without their line ends)."""
    judged = [_judge_line(raw, header, types) for raw in raws]
    good = [n for n, line in enumerate(judged) if not line.reasons]
    data = NEWLINE.join(raws[n].removeprefix(BOM) for n in good)
    columns = _read_columns(data, header, types, "ignore") if good else no_rows(header, types)
    if columns is None or row_count(columns) != len(good):
        raise InputError(f"{header.where}: some lines cannot be read as JSON; please report this file")
    return SeparateRecords(
        columns,
        np.array(good, np.int64),
        {n: line.reasons for n, line in enumerate(judged) if line.reasons},
        tuple(sorted(frozenset().union(*(line.extra for line in judged)))),
    )


def _line_places(block: Block) -> tuple[Offsets, Offsets]:
    """(Where each physical line starts, where it stops, before its line feed); nothing behind the last line feed is none."""
    starts, stops = np.append(0, block.newlines + 1), np.append(block.newlines, len(block.data))
    count = len(starts) - (starts[-1] == len(block.data))
    return starts[:count], stops[:count]


def _line_records(starts: Offsets, stops: Offsets) -> Iterator[Record]:
    return (Record(start, stop, None) for start, stop in zip(starts.tolist(), stops.tolist(), strict=True))


def _bounded_line(data: bytes, record: Record) -> bytes:
    """The line without its line end, or as much of it as shows that it is too long."""
    return data[record.start : min(record.stop, record.start + MAX_LINE + 1)].removesuffix(b"\r")


def _looks_sound(data: bytes, starts: Offsets, stops: Offsets) -> bool:
    """Whether each line begins and ends as an object does, and is bounded; whether it is text its values will tell.

    Between `}` and `{` no line feed can stand inside an object: with as many objects as lines, each line is one.
    """
    if NUL in data or not len(starts) or int((stops - starts).min()) < 2:
        return False
    if b"null" in data and NULL_BEHIND_OBJECT.search(data):
        return False
    octets = np.frombuffer(data, np.uint8)
    ends = stops - 1 - (octets[stops - 1] == b"\r"[0])
    is_object = (octets[starts] == OPENING) & (octets[ends] == CLOSING)
    return bool(is_object.all()) and int((stops - starts).max()) <= MAX_LINE


def _judge_line(raw: bytes, header: Header, types: Mapping[str, pa.DataType]) -> JudgedLine:
    if len(raw) > MAX_LINE:
        return JudgedLine(("line_too_long",))
    unfit = (("nul_byte", NUL in raw), ("invalid_utf8", not is_utf8(raw)))
    if reasons := tuple(reason for reason, is_so in unfit if is_so):
        return JudgedLine(reasons)
    data = raw.removeprefix(BOM)
    try:
        document = parse_json(data.decode(), is_strict=True)
    except ValueError:
        return JudgedLine(("broken_json",))
    if not isinstance(document, dict) or _read_columns(data, header, types, "ignore") is None:
        return JudgedLine(("wrong_json_type",))
    known = {key: types[name] for key, name in zip(header.keys, header.names, strict=True) if name}
    return JudgedLine(extra=frozenset(_unknown_keys(document, pa.struct(list(known.items())))))


def _unknown_keys(value: Any, data_type: pa.DataType) -> Iterator[str]:
    """The keys of a document, and of what is inside it, that its type has not."""
    if pa.types.is_list(data_type):
        for item in value or ():
            yield from _unknown_keys(item, data_type.value_type)
    elif pa.types.is_struct(data_type):
        for key, inner in (value or {}).items():
            if (place := data_type.get_field_index(key)) < 0:
                yield key
            else:
                yield from (f"{key}.{below}" for below in _unknown_keys(inner, data_type.field(place).type))


def _are_sound(values: pa.Array) -> bool:
    """Whether each text is UTF-8, and no number NaN or infinite, at any depth.

    Outside the texts an object of known keys has no byte that is not ASCII, so that the rest need not be decoded.
    """
    try:
        values.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return _are_finite(values)


def _are_finite(values: pa.Array) -> bool:
    """Whether no number is NaN or infinite, at any depth."""
    if pa.types.is_list(values.type):
        return _are_finite(values.values)
    if pa.types.is_struct(values.type):
        return all(map(_are_finite, values.flatten()))
    return not pa.types.is_floating(values.type) or pc.all(pc.is_finite(values)).as_py() is not False


def _read_columns(
    data: bytes, header: Header, types: Mapping[str, pa.DataType], unknown: Literal["error", "ignore"]
) -> dict[str, pa.Array] | None:
    """The columns by our names, a missing key being NULL; None where something is no JSON or has another type.

    `unknown`: what becomes of keys that the registry does not know.
    """
    names = {key: name for key, name in zip(header.keys, header.names, strict=True) if name}
    schema = pa.schema([(key, types[name]) for key, name in names.items()])
    try:
        table = pajson.read_json(
            pa.BufferReader(data),
            pajson.ReadOptions(use_threads=False, block_size=max(len(data) + 1, LEAST_BLOCK)),
            pajson.ParseOptions(explicit_schema=schema, unexpected_field_behavior=unknown),
        )
    except pa.ArrowInvalid:
        return None
    return {name: table[key].combine_chunks() for key, name in names.items()}
