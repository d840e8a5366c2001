"""Byte ranges of a plain file of rows that begin and end where a record does, so that each can be read by itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from oilake.jobs.runtime.filesystem import open_file
from oilake.jobs.sources.record_walker import NEWLINE, QUOTE
from oilake.jobs.sources.tar_stream import AsInputError

READ_BYTES = 4 << 20


@dataclass(frozen=True)
class ByteRange:
    """Bytes [start, stop) of a file; `line` is the physical line at `start`, counted from 1."""

    start: int
    stop: int
    line: int


def plan_ranges(uri: str, size: int, count: int, has_quotes: bool = True) -> list[ByteRange]:
    """Up to `count` ranges of the file of `size` bytes.

    Line feeds and quotes are counted once, up to the last share; a boundary is the first line feed outside quotes after an
    even share. Where the quoting is unsound the boundaries may be wrong: the reader sees it in its own range, and the file
    is read whole.
    `has_quotes`: a line feed inside quotes ends no record; without them every line feed ends one.
    """
    cuts = sorted({size * n // count for n in range(count)})
    with ThreadPoolExecutor(max_workers=4) as pool:
        counts = pool.map(partial(_count_marks, uri, has_quotes), cuts[:-1], cuts[1:])
    starts, line, quotes = [(0, 1)], 1, 0
    ends = [*cuts[1:], size][1:]
    for cut, stop, (newlines, marks) in zip(cuts[1:], ends, counts, strict=True):
        line, quotes = line + newlines, quotes + marks
        start, passed = _next_record(uri, cut, stop, bool(quotes % 2), has_quotes)
        if start < stop:
            starts.append((start, line + passed))
    stops = [start for start, _ in starts[1:]] + [size]
    return [ByteRange(start, stop, line) for (start, line), stop in zip(starts, stops, strict=True)]


def _count_marks(uri: str, has_quotes: bool, start: int, stop: int) -> tuple[int, int]:
    """(line feeds, quotes that matter) in bytes [start, stop)."""
    newlines = quotes = 0
    with open_file(uri) as file, AsInputError(uri):
        file.seek(start)
        while start < stop and (data := file.read(min(READ_BYTES, stop - start))):
            octets = np.frombuffer(data, np.uint8)
            quotes += int(np.count_nonzero(octets == QUOTE[0])) if has_quotes else 0
            newlines += int(np.count_nonzero(octets == NEWLINE[0]))
            start += len(data)
    return newlines, quotes


def _next_record(uri: str, start: int, stop: int, inside: bool, has_quotes: bool) -> tuple[int, int]:
    """(offset of the first record that begins in (start, stop), else `stop`; line feeds between).

    `inside`: `start` stands in quotes. What begins behind `stop` is found from there: every byte is looked at once.
    """
    passed = 0
    with open_file(uri) as file, AsInputError(uri):
        file.seek(start)
        while start < stop and (data := file.read(min(READ_BYTES, stop - start))):
            octets = np.frombuffer(data, np.uint8)
            newlines = np.flatnonzero(octets == NEWLINE[0])
            quotes = np.flatnonzero(octets == QUOTE[0]) if has_quotes else np.empty(0, np.int64)
            outside = (np.searchsorted(quotes, newlines) + inside) % 2 == 0
            if outside.any():
                first = int(np.argmax(outside))
                return start + int(newlines[first]) + 1, passed + first + 1
            start, passed, inside = start + len(data), passed + len(newlines), (len(quotes) + inside) % 2 == 1
    return stop, passed
