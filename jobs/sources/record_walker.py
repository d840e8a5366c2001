"""Walks CSV records one by one through bytes of any origin, in time that grows with their number and with nothing else."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import NamedTuple

COMMA, NEWLINE, RETURN, QUOTE = b",", b"\n", b"\r", b'"'
MAX_RECORD = 16 << 20

BROKEN, UNCLOSED = 1, 2


class Record(NamedTuple):
    """One record's bytes are data[start:stop], without the line end; `fault` is a quarantine reason or None."""

    start: int
    stop: int
    fault: str | None


def walk_records(data: bytes, at_end: bool) -> tuple[list[Record], int]:
    """(the records of `data` one by one, without blank lines; how many bytes they take)."""
    walker = Walker(data, at_end)
    return list(walker.records()), walker.taken


class Walker:
    """One walk through `data`, which begins where a record does; `taken`: bytes of the records that were walked so far.

    A record that fails costs one line, and the next one may come upon the same quotes again, up to the same failure far
    behind. So each quote that opens a field of a failed record is remembered with what became of it: it opens no other
    record either. `at_end`: no bytes follow; else the walk ends before the first record that they may decide.
    """

    def __init__(self, data: bytes, at_end: bool) -> None:
        self.data, self.at_end, self.taken = data, at_end, 0
        self._fates = bytearray()
        self._searched, self._newline = 0, -1

    def records(self) -> Iterator[Record]:
        """The records, without blank lines."""
        return (record for record in self.walked_lines() if record is not None)

    def walked_lines(self) -> Iterator[Record | None]:
        """The records, and None for each blank line."""
        data, size = self.data, len(self.data)
        while self.taken < size:
            start = self.taken
            line = self._next_newline(start)
            if data.find(QUOTE, start, line) < 0:
                stop, fault = self._line_end(start), None
            else:
                stop, fault = self._quoted_record(start)
            if stop is None:
                return
            self.taken = min(stop + (2 if data.startswith(b"\r\n", stop) else 1), size)
            yield Record(start, stop, fault) if stop > start else None

    def _quoted_record(self, start: int) -> tuple[int | None, str | None]:
        """(where the record at `start` ends, its fault); None where more bytes are needed to tell."""
        data, at, opened = self.data, start, array("q")
        while True:
            if data.startswith(QUOTE, at):
                if self._fates and self._fates[at]:
                    return self._failed_record(start, opened, self._fates[at])
                opened.append(at)
                closed = closing_end(data, at + 1)
                if closed is None:
                    return self._failed_record(start, opened, UNCLOSED)
                if not self._ends_field(closed):
                    if closed >= len(data) - 1 and not self.at_end:
                        return None, None
                    return self._failed_record(start, opened, BROKEN)
                at = closed
            comma = data.find(COMMA, at, self._next_newline(at))
            if comma < 0:
                return self._line_end(at), None
            at = comma + 1

    def _failed_record(self, start: int, opened: array[int], fate: int) -> tuple[int | None, str | None]:
        """The physical line at `start` as a record; more bytes may close a quote, unless the record is too long by then."""
        if fate == UNCLOSED and not self.at_end and len(self.data) - start <= MAX_RECORD:
            return None, None
        if not self._fates:
            self._fates = bytearray(len(self.data))
        for at in opened:
            self._fates[at] = fate
        return self._line_end(start), "malformed_quotes"

    def _ends_field(self, at: int) -> bool:
        return self.data.startswith((COMMA, NEWLINE, b"\r\n"), at) or (self.at_end and at == len(self.data))

    def _line_end(self, at: int) -> int | None:
        """Where the physical line at `at` ends, before its line end."""
        line = self._next_newline(at)
        if line == len(self.data):
            return line if self.at_end else None
        return line - 1 if line > at and self.data.startswith(RETURN, line - 1) else line

    def _next_newline(self, at: int) -> int:
        """The first line feed from `at` on, looked for once; the length of the data where there is none."""
        if not self._searched <= at <= self._newline:
            line = self.data.find(NEWLINE, at)
            self._searched, self._newline = at, line if line >= 0 else len(self.data)
        return self._newline


def closing_end(data: bytes, at: int) -> int | None:
    """Just behind the quote that closes a field whose text begins at `at`."""
    while True:
        quote = data.find(QUOTE, at)
        if quote < 0:
            return None
        if not data.startswith(QUOTE, quote + 1):
            return quote + 1
        at = quote + 2


def split_fields(record: bytes) -> list[bytes]:
    """The fields of one sound record, quotes still around them."""
    parts = []
    at = 0
    while True:
        closed = closing_end(record, at + 1) if record.startswith(QUOTE, at) else at
        comma = record.find(COMMA, closed if closed is not None else len(record))
        parts.append(record[at:] if comma < 0 else record[at:comma])
        if comma < 0:
            return parts
        at = comma + 1
