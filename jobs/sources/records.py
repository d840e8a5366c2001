"""Where one CSV record ends and the next begins, exactly, in bytes of any origin.

The grammar is RFC 4180's: a field that begins with a quote ends at the next quote that is not doubled, and a comma or a
line end must follow; a quote inside an unquoted field is text. What breaks it costs one physical line: reading goes on
at the next one. Almost all bytes take a vectorized way; only blocks that hold something odd are walked record by record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from conf.errors import InputError

COMMA, NEWLINE, RETURN, QUOTE = b",", b"\n", b"\r", b'"'
MAX_RECORD = 16 << 20

Read = Callable[[int], bytes]


@dataclass(frozen=True)
class Record:
    """One record's bytes are data[start:stop], without the line end; `fault` is a quarantine reason or None."""

    start: int
    stop: int
    fault: str | None


@dataclass(frozen=True)
class Block:
    """Whole records; `line` is the physical line of the first one, counted from 1; `sound`: the quoting is RFC 4180's."""

    data: bytes
    line: int
    sound: bool

    def is_plain(self, limit: int) -> bool:
        """Sound, and without NUL, stray carriage return, blank line or a record that may hold a field over `limit` bytes."""
        if not self.sound or b"\0" in self.data:
            return False
        returns = self.data.count(RETURN) if RETURN in self.data else 0
        if returns and returns != self.data.count(b"\r\n"):
            return False
        lines = np.diff(self.newlines, prepend=-1)
        if len(lines) and int(lines.min()) <= (2 if returns else 1):
            return False
        return int(np.diff(self.ends, prepend=0).max(initial=0)) <= limit

    @cached_property
    def records(self) -> list[Record]:
        """Every record, walked one by one."""
        return walk(self.data, at_end=True)[0]

    @cached_property
    def ends(self) -> npt.NDArray[np.int64]:
        """Offset just behind each record of a sound block; shape (records,)."""
        newlines = self.newlines
        if QUOTE in self.data:
            quotes = np.flatnonzero(np.frombuffer(self.data, np.uint8) == QUOTE[0])
            newlines = newlines[np.searchsorted(quotes, newlines) & 1 == 0]
        ends = newlines + 1
        return ends if self.data.endswith(NEWLINE) or not self.data else np.append(ends, len(self.data))

    @cached_property
    def newlines(self) -> npt.NDArray[np.int64]:
        """Offset of every line feed."""
        return np.flatnonzero(np.frombuffer(self.data, np.uint8) == NEWLINE[0])

    def lines(self, starts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The physical line of each offset."""
        return np.asarray(np.searchsorted(self.newlines, starts) + self.line)


def blocks(read: Read, size: int, line: int = 1) -> Iterator[Block]:
    """The stream behind `read` as blocks of about `size` bytes that end where a record ends.

    `read(n)` gives n bytes, fewer only at the end. Every reader of the same stream with the same size gets the same
    blocks. InputError when a line is longer than 32 MiB.
    """
    rest = b""
    at_end = False
    while not at_end:
        fresh = read(size)
        at_end = len(fresh) < size
        if not at_end and (stop := fresh.rfind(NEWLINE) + 1) and QUOTE not in fresh and QUOTE not in rest:
            data = b"".join((rest, memoryview(fresh)[:stop]))
            yield Block(data, line, True)
            line += int(np.count_nonzero(np.frombuffer(data, np.uint8) == NEWLINE[0]))
            rest = fresh[stop:]
            continue
        data = rest + fresh if rest else fresh
        stop, sound = cut(data, at_end)
        if stop == 0 and len(data) > 2 * MAX_RECORD:
            raise InputError(f"line {line} is longer than {2 * MAX_RECORD >> 20} MiB")
        if stop:
            yield Block(data[:stop] if stop < len(data) else data, line, sound)
            line += int(np.count_nonzero(np.frombuffer(data, np.uint8, stop) == NEWLINE[0]))
        rest = data[stop:]


def cut(data: bytes, at_end: bool) -> tuple[int, bool]:
    """(how many bytes of `data` are whole records, whether their quoting is sound); `data` begins where a record does."""
    stop = _cut_sound(data, at_end)
    if stop is None or (stop == 0 and len(data) > MAX_RECORD):
        return walk(data, at_end)[1], False
    return stop, True


def _cut_sound(data: bytes, at_end: bool) -> int | None:
    """The end of the last whole record, or None where a quote stands that RFC 4180 does not allow."""
    if QUOTE not in data:
        return len(data) if at_end else data.rfind(NEWLINE) + 1
    octets = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(octets == QUOTE[0])
    if not _is_sound(octets, quotes) or (at_end and len(quotes) % 2):
        return None
    if at_end:
        return len(data)
    if len(quotes) % 2:
        return _newline_outside(data, quotes, len(quotes) - 1)
    return _newline_outside(data, quotes, len(quotes))


def _newline_outside(data: bytes, quotes: npt.NDArray[np.int64], count: int) -> int:
    """Just behind the last line feed outside quotes; of the first `count` quotes each second one closes."""
    stop = len(data) if count == len(quotes) else int(quotes[count])
    while True:
        start = int(quotes[count - 1]) if count else -1
        found = data.rfind(NEWLINE, start + 1, stop)
        if found >= 0 or count == 0:
            return found + 1
        stop, count = int(quotes[count - 2]), count - 2


def _is_sound(octets: npt.NDArray[np.uint8], quotes: npt.NDArray[np.int64]) -> bool:
    """Whether each opening quote begins a field (or doubles a quote) and each closing one ends it."""
    before = octets[quotes[0::2] - 1]
    if quotes[0] == 0:
        before[0] = NEWLINE[0]
    closing = quotes[1::2]
    closing = closing[closing < len(octets) - 1]
    after = octets[closing + 1]
    opens = (before == COMMA[0]) | (before == NEWLINE[0]) | (before == QUOTE[0])
    returns = after == RETURN[0]
    if returns.any():
        following = closing[returns] + 2
        following = following[following < len(octets)]
        returns &= bool((octets[following] == NEWLINE[0]).all())
    closes = (after == COMMA[0]) | (after == NEWLINE[0]) | (after == QUOTE[0]) | returns
    return bool(opens.all() and closes.all())


def walk(data: bytes, at_end: bool) -> tuple[list[Record], int]:
    """(the records of `data` one by one, without blank lines; how many bytes they take)."""
    found: list[Record] = []
    at = 0
    while at < len(data):
        stop, fault = _record(data, at, at_end)
        if stop is None:
            break
        after = stop + (2 if data.startswith(b"\r\n", stop) else 1)
        if stop > at:
            found.append(Record(at, stop, fault))
        at = min(after, len(data))
    return found, at


def _record(data: bytes, start: int, at_end: bool) -> tuple[int | None, str | None]:
    """(where the record at `start` ends, its fault); None where more bytes are needed to tell."""
    at = start
    while True:
        if data.startswith(QUOTE, at):
            closed = _closing(data, at + 1)
            if closed is None:
                if not at_end and len(data) - start <= MAX_RECORD:
                    return None, None
                return _line_end(data, start, at_end), "malformed_quotes"
            if not _ends_field(data, closed, at_end):
                if closed >= len(data) - 1 and not at_end:
                    return None, None
                return _line_end(data, start, at_end), "malformed_quotes"
            at = closed
        comma, line = data.find(COMMA, at), data.find(NEWLINE, at)
        if comma >= 0 and (line < 0 or comma < line):
            at = comma + 1
            continue
        return _line_end(data, at, at_end), None


def _closing(data: bytes, at: int) -> int | None:
    """Just behind the quote that closes a field whose text begins at `at`."""
    while True:
        quote = data.find(QUOTE, at)
        if quote < 0:
            return None
        if not data.startswith(QUOTE, quote + 1):
            return quote + 1
        at = quote + 2


def _ends_field(data: bytes, at: int, at_end: bool) -> bool:
    return data.startswith((COMMA, NEWLINE, b"\r\n"), at) or (at_end and at == len(data))


def _line_end(data: bytes, at: int, at_end: bool) -> int | None:
    """Where the physical line at `at` ends, before its line end."""
    line = data.find(NEWLINE, at)
    if line < 0:
        return len(data) if at_end else None
    return line - 1 if line > at and data[line - 1] == RETURN[0] else line


def fields(record: bytes) -> list[bytes]:
    """The fields of one sound record, quotes still around them."""
    found = []
    at = 0
    while True:
        closed = _closing(record, at + 1) if record.startswith(QUOTE, at) else at
        comma = record.find(COMMA, closed if closed is not None else len(record))
        found.append(record[at:] if comma < 0 else record[at:comma])
        if comma < 0:
            return found
        at = comma + 1
