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

from oilake.conf.errors import InputError
from oilake.jobs.sources.record_walker import COMMA, MAX_RECORD, NEWLINE, QUOTE, RETURN, Record, Walker, walk_records

ReadBytes = Callable[[int], bytes]

LONG_LINE = 1 << 10


@dataclass(frozen=True)
class Block:
    """Whole records; `line` is the physical line of the first one, counted from 1; `sound`: the quoting is RFC 4180's."""

    data: bytes
    line: int
    sound: bool

    def is_plain(self, limit: int) -> bool:
        """Sound, and without NUL, stray carriage return, blank line or a record that may hold a field over `limit` bytes.

        Where no quote stands, blank lines are not looked for: the reader drops them, so that rows and records differ.
        """
        if not self.sound or b"\0" in self.data:
            return False
        returns = self.data.count(RETURN) if RETURN in self.data else 0
        if returns and returns != self.data.count(b"\r\n"):
            return False
        if QUOTE not in self.data:
            return self._has_short_lines(limit)
        lines = np.diff(self.newlines, prepend=-1)
        if len(lines) and int(lines.min()) <= (2 if returns else 1):
            return False
        return int(np.diff(self.ends, prepend=0).max(initial=0)) <= limit

    def _has_short_lines(self, limit: int) -> bool:
        """Whether a line ends in every half of `limit` bytes, so that none is longer; false of some a bit shorter."""
        half = max(limit // 2, 1)
        return all(NEWLINE in self.data[start : start + half] for start in range(0, len(self.data) - half, half))

    @cached_property
    def newline_count(self) -> int:
        """How many line feeds there are."""
        return int(np.count_nonzero(np.frombuffer(self.data, np.uint8) == NEWLINE[0]))

    @property
    def record_count(self) -> int:
        """How many records a sound block holds."""
        if QUOTE in self.data:
            return len(self.ends)
        return self.newline_count + bool(self.data and not self.data.endswith(NEWLINE))

    @cached_property
    def records(self) -> list[Record]:
        """Every record, walked one by one."""
        return walk_records(self.data, at_end=True)[0]

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
        if self.data.find(NEWLINE) > LONG_LINE:  # then it costs a third to step from one to the next
            lengths = np.fromiter(map(len, self.data.split(NEWLINE)), np.int64)
            return np.cumsum(lengths[:-1] + 1) - 1
        return np.flatnonzero(np.frombuffer(self.data, np.uint8) == NEWLINE[0])

    def lines(self, starts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The physical line of each offset."""
        return np.asarray(np.searchsorted(self.newlines, starts) + self.line)


def read_blocks(read: ReadBytes, size: int, line: int = 1, where: str = "the file") -> Iterator[Block]:
    """The stream behind `read` as blocks of about `size` bytes that end where a record ends.

    `read(n)` gives n bytes, fewer only at the end. Every reader of the same stream with the same size gets the same
    blocks. InputError, starting with `where`, when a line is longer than 32 MiB.
    """
    rest = b""
    at_end = False
    while not at_end:
        asked = max(size, min(len(rest), MAX_RECORD))  # what is left is looked at again: as much comes to it
        fresh = read(asked)
        at_end = len(fresh) < asked
        is_usual = not at_end and asked == size and QUOTE not in fresh and QUOTE not in rest
        if is_usual and (stop := fresh.rfind(NEWLINE) + 1):
            block = Block(b"".join((rest, memoryview(fresh)[:stop])), line, True)
            yield block
            line += block.newline_count
            rest = fresh[stop:]
            continue
        data = rest + fresh if rest else fresh
        begun = 0
        for stop, sound in block_ends(data, at_end, size):
            block = Block(data[begun:stop] if stop - begun < len(data) else data, line, sound)
            yield block
            line += block.newline_count
            begun = stop
        if begun == 0 and len(data) > 2 * MAX_RECORD:
            raise InputError(
                f"{where}: line {line} is longer than {2 * MAX_RECORD >> 20} MiB, which no row is; fetch the file again"
            )
        rest = data[begun:]


def block_ends(data: bytes, at_end: bool, size: int) -> Iterator[tuple[int, bool]]:
    """(where a block of `data` of about `size` bytes ends, whether its quoting is sound); `data` begins where a record does.

    A block is much larger only where one record is.
    """
    stop = _cut_sound(data, at_end)
    if stop is None or (stop == 0 and len(data) > MAX_RECORD):
        yield from ((stop, False) for stop in _walked_ends(Walker(data, at_end), size))
    elif stop > 2 * size:
        ends = Block(data[:stop], 1, True).ends
        places = np.searchsorted(ends, np.arange(size, stop + size, size)).clip(max=len(ends) - 1)
        yield from ((stop, True) for stop in ends[np.unique(places)].tolist())
    elif stop:
        yield stop, True


def _walked_ends(walker: Walker, size: int) -> Iterator[int]:
    begun = 0
    for _ in walker.walked_lines():
        if walker.taken - begun >= size:
            begun = walker.taken
            yield begun
    if walker.taken > begun:
        yield walker.taken


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
        newline = data.rfind(NEWLINE, start + 1, stop)
        if newline >= 0 or count == 0:
            return newline + 1
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
