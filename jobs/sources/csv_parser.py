"""Blocks of CSV records to raw Arrow columns, by header and not by position; nothing is inferred from what stands there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pacsv

from oilake.conf.errors import InputError
from oilake.jobs.sources.csv_records import Block
from oilake.jobs.sources.record_walker import COMMA, NEWLINE, QUOTE, RETURN, Record, fields, walk

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Header:
    """Our column names by field position; None where the registry does not know the column (`extra` names those).

    `text`: the line as it stood, without its line end; None for a file that has no header. `where`: the file and member.
    """

    names: tuple[str | None, ...]
    extra: tuple[str, ...] = ()
    text: str | None = None
    where: str = "the file"


class BadRecord(NamedTuple):
    """A record that is no row: its physical line, its bytes without the line end, and why."""

    line: int
    raw: bytes
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Rows:
    """One block's rows: raw `columns` of shape (rows,) each, and the records that are none.

    `walked`: the records behind the rows, where the block had to be walked; else the block's own ends tell them.
    """

    block: Block
    columns: dict[str, pa.Array]
    count: int
    bad: tuple[BadRecord, ...] = ()
    walked: tuple[Record, ...] | None = None

    def locate(self, rows: npt.NDArray[np.int64]) -> list[tuple[int, bytes]]:
        """(physical line, bytes without the line end) of each of the given rows."""
        starts = self._starts(rows)
        stops = self.block.ends if self.walked is None else np.array([record.stop for record in self.walked], np.int64)
        raw = [_bare(self.block.data[a:b]) for a, b in zip(starts.tolist(), stops[rows].tolist(), strict=True)]
        return list(zip(self.block.lines(starts).tolist(), raw, strict=True))

    def lines(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The physical line of each of the given rows."""
        return self.block.lines(self._starts(rows))

    def _starts(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        if self.walked is None:
            return np.asarray(np.append(0, self.block.ends[:-1])[rows])
        return np.array([self.walked[row].start for row in rows], np.int64)


@dataclass(frozen=True)
class Apart:
    """Records that were read each by itself: raw `columns` of those that are rows, `places`: which ones they are, and all
    reasons of each other one, by place."""

    columns: dict[str, pa.Array]
    places: npt.NDArray[np.int64]
    bad: dict[int, tuple[str, ...]]


def _bare(record: bytes) -> bytes:
    return record.removesuffix(NEWLINE).removesuffix(RETURN)


def read_header(line: bytes, columns: Mapping[str, str], optional: Collection[str], where: str) -> Header:
    """The header of a file; InputError, starting with `where`, when a column is missing or stands there twice."""
    try:
        text = _bare(line).decode()
        published = [field.decode().strip().strip('"') for field in fields(_bare(line).removeprefix(BOM))]
    except UnicodeDecodeError:
        raise InputError(f"{where}: the header is not text; the file is damaged, fetch it again") from None
    missing = [name for name in columns if name not in published and name not in optional]
    if missing:
        raise InputError(
            f"{where}: required column {', '.join(missing)} is missing (the header has {', '.join(published)[:300]}); "
            "fetch the file again or correct the release's columns in the registry"
        )
    twice = sorted({name for name in published if name in columns and published.count(name) > 1})
    if twice:
        raise InputError(f"{where}: column {', '.join(twice)} stands twice in the header; fetch the file again")
    extra = tuple(name for name in published if name not in columns)
    return Header(tuple(columns.get(name) for name in published), extra, text, where)


def parse(block: Block, header: Header, types: Mapping[str, pa.DataType], limit: int) -> Rows:
    """The rows of `block` as the given `types`; where a block's numbers do not parse, its number columns stay text."""
    if block.is_plain(limit):
        columns = _columns(block.data, header, types)
        if columns is not None and _length(columns) == len(block.ends):
            return Rows(block, columns, len(block.ends))
    good, bad = _triage(block, len(header.names), limit)
    data = NEWLINE.join(block.data[record.start : record.stop] for record in good)
    columns = _columns(data, header, types) if good else _no_rows(header, types)
    if columns is None or _length(columns) != len(good):
        raise InputError(
            f"{header.where}: line {block.line} and following cannot be read as CSV; please report this file"
        )
    return Rows(block, columns, len(good), tuple(bad), tuple(good))


def parse_apart(raws: Sequence[bytes], header: Header, types: Mapping[str, pa.DataType], limit: int) -> Apart:
    """As `parse`, for records that were cut already (without their line ends): no quote reaches into the next record."""
    found = {n: _reasons(raw, _fault(raw), len(header.names), limit) for n, raw in enumerate(raws)}
    good = [n for n, reasons in found.items() if not reasons]
    columns = _columns(NEWLINE.join(raws[n] for n in good), header, types) if good else _no_rows(header, types)
    if columns is None or _length(columns) != len(good):
        raise InputError(f"{header.where}: some quarantined rows cannot be read as CSV; please report this file")
    return Apart(columns, np.array(good, np.int64), {n: reasons for n, reasons in found.items() if reasons})


def _fault(raw: bytes) -> str | None:
    """What is wrong with the quotes of one record; its own last carriage return belongs to it, not to its line end."""
    records, _ = walk(raw + RETURN + NEWLINE, at_end=True)
    if len(records) == 1 and records[0].stop == len(raw):
        return records[0].fault
    return "malformed_quotes"


def _length(columns: Mapping[str, pa.Array]) -> int:
    return len(next(iter(columns.values())))


def _columns(data: bytes, header: Header, types: Mapping[str, pa.DataType]) -> dict[str, pa.Array] | None:
    found = _read(data, header, types)
    if found is None and any(pa.types.is_floating(wanted) for wanted in types.values()):
        return _read(data, header, {n: pa.string() if pa.types.is_floating(t) else t for n, t in types.items()})
    return found


def _read(data: bytes, header: Header, types: Mapping[str, pa.DataType]) -> dict[str, pa.Array] | None:
    """The columns, or None when a record has another number of fields, is no UTF-8, or a number does not parse."""
    names = [name or f"extra {n}" for n, name in enumerate(header.names)]
    wanted = [name for name in header.names if name is not None]
    extra = {name: pa.string() for name in names if name not in wanted}  # read too: a row must be UTF-8 throughout
    try:
        table = pacsv.read_csv(
            pa.BufferReader(data),
            pacsv.ReadOptions(column_names=names, use_threads=False, block_size=len(data) + 1),
            pacsv.ParseOptions(),
            pacsv.ConvertOptions(
                column_types={name: types[name] for name in wanted} | extra,
                check_utf8=not data.isascii(),
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid:
        return None
    return {name: table[name].combine_chunks() for name in wanted}


def _no_rows(header: Header, types: Mapping[str, pa.DataType]) -> dict[str, pa.Array]:
    return {name: pa.array([], types[name]) for name in header.names if name is not None}


def _triage(block: Block, expected: int, limit: int) -> tuple[list[Record], list[BadRecord]]:
    good: list[Record] = []
    bad: list[BadRecord] = []
    starts = np.array([record.start for record in block.records], np.int64)
    for record, line in zip(block.records, block.lines(starts).tolist(), strict=True):
        raw = block.data[record.start : record.stop]
        reasons = _reasons(raw, record.fault, expected, limit)
        if reasons:
            bad.append(BadRecord(line, raw, reasons))
        else:
            good.append(record)
    return good, bad


def _reasons(raw: bytes, fault: str | None, expected: int, limit: int) -> tuple[str, ...]:
    """Every reason why a record is no row, in a fixed order."""
    found = ["nul_byte"] if b"\0" in raw else []
    if not raw.isascii() and not _is_utf8(raw):
        found.append("invalid_utf8")
    if fault:
        return (*found, fault)
    parts = fields(raw) if QUOTE in raw or len(raw) > limit else None
    if RETURN in raw and (parts is None or any(RETURN in part for part in parts if not part.startswith(QUOTE))):
        found.append("bare_carriage_return")
    if (raw.count(COMMA) + 1 if parts is None else len(parts)) != expected:
        found.append("wrong_field_count")
    if parts is not None and max(map(len, parts)) > limit:
        found.append("field_too_long")
    return tuple(found)


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
