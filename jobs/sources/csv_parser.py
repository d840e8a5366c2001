"""Blocks of CSV records to raw Arrow columns, by header and not by position; nothing is inferred from what stands there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pacsv

from oilake.conf.errors import InputError
from oilake.jobs.sources.csv_records import Block
from oilake.jobs.sources.record_walker import COMMA, NEWLINE, QUOTE, RETURN, Record, split_fields, walk_records

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Header:
    """Our column names by field position; None where the registry does not know the column (`extra` names those).

    `text`: the line as it stood, without its line end; None for a file that has no header. `where`: the file and member.
    `keys`: the published name of each column, where every record carries them.
    """

    names: tuple[str | None, ...]
    extra: tuple[str, ...] = ()
    text: str | None = None
    where: str = "the file"
    keys: tuple[str, ...] = ()


class BadRecord(NamedTuple):
    """A record that is no row: its physical line, its bytes without the line end, and why."""

    line: int
    raw: bytes
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class ParsedRows:
    """One block's rows: raw `columns` of shape (rows,) each, and the records that are none.

    `walked`: the records behind the rows, where the block had to be walked; else the block's own ends tell them. `places`:
    where only some rows were chosen, their numbers among all of the block. `extra`: keys of records that nobody knows.
    """

    block: Block
    columns: dict[str, pa.Array]
    count: int
    bad: tuple[BadRecord, ...] = ()
    walked: tuple[Record, ...] | None = None
    places: npt.NDArray[np.int64] | None = None
    extra: tuple[str, ...] = ()

    def choose_rows(self, rows: npt.NDArray[np.int64]) -> ParsedRows:
        """Only the given rows; the records that are none stay."""
        taken = {name: column.take(pa.array(rows)) for name, column in self.columns.items()}
        return replace(self, columns=taken, count=len(rows), places=rows)

    def locate(self, rows: npt.NDArray[np.int64]) -> list[tuple[int, bytes]]:
        """(physical line, bytes without the line end) of each of the given rows."""
        starts, rows = self._row_starts(rows), self._numbers(rows)
        stops = self.block.ends if self.walked is None else np.array([record.stop for record in self.walked], np.int64)
        raw = [
            _without_line_end(self.block.data[a:b]) for a, b in zip(starts.tolist(), stops[rows].tolist(), strict=True)
        ]
        return list(zip(self.block.lines(starts).tolist(), raw, strict=True))

    def lines(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The physical line of each of the given rows."""
        return self.block.lines(self._row_starts(rows))

    def _numbers(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return rows if self.places is None else self.places[rows]

    def _row_starts(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        rows = self._numbers(rows)
        if self.walked is None:
            return np.asarray(np.append(0, self.block.ends[:-1])[rows])
        return np.array([self.walked[row].start for row in rows], np.int64)


@dataclass(frozen=True)
class SeparateRecords:
    """Records that were read each by itself: raw `columns` of those that are rows, `places`: which ones they are, and all
    reasons of each other one, by place; `extra`: keys that nobody knows."""

    columns: dict[str, pa.Array]
    places: npt.NDArray[np.int64]
    bad: dict[int, tuple[str, ...]]
    extra: tuple[str, ...] = ()


def _without_line_end(record: bytes) -> bytes:
    return record.removesuffix(NEWLINE).removesuffix(RETURN)


def read_header(line: bytes, columns: Mapping[str, str], optional: Collection[str], where: str) -> Header:
    """The header of a file; InputError, starting with `where`, when a column is missing or stands there twice.

    Where several published names are mapped to one of our columns, they are spellings: the header has one of them.
    """
    try:
        text = _without_line_end(line).decode()
        published = header_names(line)
    except UnicodeDecodeError:
        raise InputError(f"{where}: the header is not text; the file is damaged, fetch it again") from None
    spellings = column_spellings(columns)
    if missing := [
        " or ".join(names) for names in spellings.values() if not {*names} & {*published} and not {*names} & {*optional}
    ]:
        raise InputError(
            f"{where}: {_missing_words(missing)} missing (the header has {', '.join(published)[:300]}); "
            "fetch the file again or correct the release's columns in the registry"
        )
    twice = sorted({name for name in published if name in columns and published.count(name) > 1})
    if twice:
        raise InputError(f"{where}: column {', '.join(twice)} stands twice in the header; fetch the file again")
    for ours, names in spellings.items():
        if len(present := [name for name in names if name in published]) > 1:
            raise InputError(
                f"{where}: {' and '.join(present)} are spellings of one column, {ours}, and both stand in the header; "
                "leave the one that is another column out of the release's columns in the registry"
            )
    extra = tuple(name for name in published if name not in columns)
    return Header(tuple(columns.get(name) for name in published), extra, text, where)


def header_names(line: bytes) -> list[str]:
    """The published names in a header, in their order; UnicodeDecodeError where it is no text."""
    return [field.decode().strip().strip('"') for field in split_fields(_without_line_end(line).removeprefix(BOM))]


def _missing_words(columns: Sequence[str]) -> str:
    number = "required column {} is" if len(columns) == 1 else "required columns {} are"
    return number.format(", ".join(columns))


def column_spellings(columns: Mapping[str, str]) -> dict[str, list[str]]:
    """The published names of each of our columns, both in the order of `columns`."""
    spellings: dict[str, list[str]] = {}
    for published, ours in columns.items():
        spellings.setdefault(ours, []).append(published)
    return spellings


def positional_header(columns: Mapping[str, str], where: str) -> Header:
    """The header of a file that has none: its columns stand in the order of `columns`."""
    return Header(tuple(column_spellings(columns)), where=where)


def is_header(line: bytes, names: Collection[str]) -> bool:
    """Whether a field of the line is one of the names of columns, blanks and quotes around it set aside."""
    fields = {field.strip().strip(b'"') for field in line.removeprefix(BOM).split(b",")}
    return any(name.encode() in fields for name in names)


def parse_block(block: Block, header: Header, types: Mapping[str, pa.DataType], limit: int) -> ParsedRows:
    """The rows of `block` as the given `types`; where a block's numbers do not parse, its number columns stay text."""
    if block.is_plain(limit):
        columns = _read_columns(block.data, header, types)
        if columns is not None and row_count(columns) == block.record_count:
            return ParsedRows(block, columns, block.record_count)
    good, bad = _separate_records(block, len(header.names), limit)
    data = NEWLINE.join(block.data[record.start : record.stop] for record in good)
    columns = _read_columns(data, header, types) if good else no_rows(header, types)
    if columns is None or row_count(columns) != len(good):
        raise InputError(
            f"{header.where}: line {block.line} and following cannot be read as CSV; please report this file"
        )
    return ParsedRows(block, columns, len(good), tuple(bad), tuple(good))


def parse_separately(
    raws: Sequence[bytes], header: Header, types: Mapping[str, pa.DataType], limit: int
) -> SeparateRecords:
    """As `parse`, for records that were cut already (without their line ends): no quote reaches into the next record."""
    reasons_by_index = {n: _bad_reasons(raw, _quote_fault(raw), len(header.names), limit) for n, raw in enumerate(raws)}
    good = [n for n, reasons in reasons_by_index.items() if not reasons]
    columns = _read_columns(NEWLINE.join(raws[n] for n in good), header, types) if good else no_rows(header, types)
    if columns is None or row_count(columns) != len(good):
        raise InputError(f"{header.where}: some quarantined rows cannot be read as CSV; please report this file")
    return SeparateRecords(
        columns, np.array(good, np.int64), {n: reasons for n, reasons in reasons_by_index.items() if reasons}
    )


def _quote_fault(raw: bytes) -> str | None:
    """What is wrong with the quotes of one record; its own last carriage return belongs to it, not to its line end."""
    records, _ = walk_records(raw + RETURN + NEWLINE, at_end=True)
    if len(records) == 1 and records[0].stop == len(raw):
        return records[0].fault
    return "malformed_quotes"


def row_count(columns: Mapping[str, pa.Array]) -> int:
    """How many rows the columns have; there is at least one column."""
    return len(next(iter(columns.values())))


def _read_columns(data: bytes, header: Header, types: Mapping[str, pa.DataType]) -> dict[str, pa.Array] | None:
    columns = _read_csv(data, header, types)
    if columns is None and any(pa.types.is_floating(data_type) for data_type in types.values()):
        return _read_csv(data, header, {n: pa.string() if pa.types.is_floating(t) else t for n, t in types.items()})
    return columns


def _read_csv(data: bytes, header: Header, types: Mapping[str, pa.DataType]) -> dict[str, pa.Array] | None:
    """The columns, or None when a record has another number of fields, is no UTF-8, or a number does not parse."""
    names = [name or f"extra {n}" for n, name in enumerate(header.names)]
    our_names = [name for name in header.names if name is not None]
    extra = {name: pa.string() for name in names if name not in our_names}  # read too: a row must be UTF-8 throughout
    try:
        table = pacsv.read_csv(
            pa.BufferReader(data),
            pacsv.ReadOptions(column_names=names, use_threads=False, block_size=len(data) + 1),
            pacsv.ParseOptions(),
            pacsv.ConvertOptions(
                column_types={name: types[name] for name in our_names} | extra,
                check_utf8=not data.isascii(),
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid:
        return None
    return {name: table[name].combine_chunks() for name in our_names}


def no_rows(header: Header, types: Mapping[str, pa.DataType]) -> dict[str, pa.Array]:
    """Our columns without a row."""
    return {name: pa.array([], types[name]) for name in header.names if name is not None}


def _separate_records(block: Block, expected: int, limit: int) -> tuple[list[Record], list[BadRecord]]:
    good: list[Record] = []
    bad: list[BadRecord] = []
    starts = np.array([record.start for record in block.records], np.int64)
    for record, line in zip(block.records, block.lines(starts).tolist(), strict=True):
        raw = block.data[record.start : record.stop]
        reasons = _bad_reasons(raw, record.fault, expected, limit)
        if reasons:
            bad.append(BadRecord(line, raw, reasons))
        else:
            good.append(record)
    return good, bad


def _bad_reasons(raw: bytes, fault: str | None, expected: int, limit: int) -> tuple[str, ...]:
    """Every reason why a record is no row, in a fixed order."""
    reasons = ["nul_byte"] if b"\0" in raw else []
    if not is_utf8(raw):
        reasons.append("invalid_utf8")
    if fault:
        return (*reasons, fault)
    parts = split_fields(raw) if QUOTE in raw or len(raw) > limit else None
    if RETURN in raw and (parts is None or any(RETURN in part for part in parts if not part.startswith(QUOTE))):
        reasons.append("bare_carriage_return")
    if (raw.count(COMMA) + 1 if parts is None else len(parts)) != expected:
        reasons.append("wrong_field_count")
    if parts is not None and max(map(len, parts)) > limit:
        reasons.append("field_too_long")
    return tuple(reasons)


def is_utf8(raw: bytes) -> bool:
    """Whether the bytes are text."""
    if raw.isascii():
        return True
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
