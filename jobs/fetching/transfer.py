"""One file from its source to its place: asked for, resumed, asked for again, and only then given its name."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

from oilake.conf.errors import os_cause
from oilake.conf.settings import Fetch
from oilake.jobs.fetching import file_lock, partial_file
from oilake.jobs.fetching.locations import Item
from oilake.jobs.fetching.partial_file import Part
from oilake.jobs.fetching.plan import Wanted, failed, present
from oilake.jobs.fetching.results import Result, Status
from oilake.jobs.transport.retry import persist
from oilake.jobs.transport.source import (
    AgainError,
    Answer,
    RefusedError,
    Source,
    StoppedError,
    UnsatisfiableError,
    same,
    validator,
)
from oilake.jobs.transport.throughput import steady


@dataclass(frozen=True)
class Line:
    """What every transfer of a run shares: its settings, who hears of bytes, and the word to stop."""

    fetch: Fetch
    tell: Callable[[int], None]
    stop: Event


def bring(wanted: Wanted, source: Source, line: Line) -> Result:
    """Fetches one file; a failure of this file alone is a result, not an exception."""
    item, started = wanted.item, time.monotonic()
    try:
        item.target.parent.mkdir(parents=True, exist_ok=True)
        with file_lock.held(item.target):
            # Another fetch may have brought it since we looked.
            return (None if wanted.anew else present(item)) or _fetch(item, source, line, started)
    except RefusedError as error:
        return failed(item, str(error), error.tries, time.monotonic() - started)
    except OSError as error:
        return failed(item, f"{os_cause(error)}; check its rights and the disk", 1, time.monotonic() - started)


def _fetch(item: Item, source: Source, line: Line, started: float) -> Result:
    with partial_file.opened(item.target, item.url, line.tell) as part:
        _, tries = persist(lambda: _attempt(part, source, line), lambda: part.bytes, item.name, line.fetch, line.stop)
        done = partial_file.publish(part)
    status: Status = "resumed" if part.resumed else "fetched"
    return Result(item.name, item.url, done.bytes, done.sha256, status, tries, time.monotonic() - started)


def _attempt(part: Part, source: Source, line: Line) -> None:
    """One request; returns when the part is the whole file, and raises AgainError or RefusedError when it is not."""
    if part.bytes and not validator(part.version):
        partial_file.restart(part, None)
    try:
        with source.read(part.url, part.bytes, part.version) as answer:
            _take(part, answer, line)
    except UnsatisfiableError:
        _refuse_other(part, source)
    except AgainError as error:
        if error.restart:
            partial_file.restart(part, None)
        raise
    _refuse_damaged(part)


def _take(part: Part, answer: Answer, line: Line) -> None:
    if part.version is None or answer.start != part.bytes or answer.start == 0:
        partial_file.restart(part, answer.version)
    part.resumed = answer.start > 0
    for block in steady(answer.chunks, line.fetch):
        partial_file.append(part, block)
        if line.stop.is_set():
            raise StoppedError


def _refuse_other(part: Part, source: Source) -> None:
    """The server has no byte after ours: fine when it still has our version, and this is all of it."""
    now = source.head(part.url, None)
    if part.version is None or now.bytes != part.bytes or not same(part.version, now):
        partial_file.restart(part, None)
        raise AgainError("the file changed on the server", after=0)
    part.resumed = True


def _refuse_damaged(part: Part) -> None:
    whole = part.version.bytes if part.version else None
    if whole is not None and part.bytes < whole:
        raise AgainError(f"only {part.bytes:,} of {whole:,} bytes came")
    expected = part.version.md5 if part.version else None
    if (whole is not None and part.bytes > whole) or expected not in (None, part.md5.hexdigest()):
        partial_file.restart(part, None)
        raise AgainError("the bytes differ from the checksum or the length that the server gives")
