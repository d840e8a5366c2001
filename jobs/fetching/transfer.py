"""One file from its source to its place: asked for, resumed, asked for again, and only then given its name."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

from oilake.conf.errors import os_cause
from oilake.conf.settings import FetchSettings
from oilake.conf.stated_bytes import find_differences, refusal_text
from oilake.jobs.fetching import partial_file
from oilake.jobs.fetching.locations import FetchItem
from oilake.jobs.fetching.partial_file import PartialFile
from oilake.jobs.fetching.plan import PlannedFetch, failed_result, log_differences, present_file
from oilake.jobs.fetching.results import FetchResult, FetchStatus
from oilake.jobs.runtime.file_lock import HeldLockError, hold_lock
from oilake.jobs.transport.retry import try_persistently
from oilake.jobs.transport.source import (
    AgainError,
    Answer,
    RefusedError,
    Source,
    StoppedError,
    UnsatisfiableError,
    is_same_version,
    range_validator,
)
from oilake.jobs.transport.throughput import refuse_slow_chunks


@dataclass(frozen=True)
class TransferContext:
    """What every transfer of a run shares: its settings, who hears of bytes, the word to stop, and whether bytes are taken
    that are not the stated ones."""

    fetch: FetchSettings
    tell: Callable[[int], None]
    stop: Event
    accept_changed: bool = False


def fetch_file(planned: PlannedFetch, source: Source, context: TransferContext) -> FetchResult:
    """Fetches one file; a failure of this file alone is a result, not an exception."""
    item, started = planned.item, time.monotonic()
    try:
        item.target.parent.mkdir(parents=True, exist_ok=True)
        with hold_lock(item.target.with_name(f"{item.target.name}.lock")):
            # Another fetch may have brought it since we looked.
            return (None if planned.anew else present_file(item)) or _fetch_partial(item, source, context, started)
    except HeldLockError as error:
        return failed_result(
            item, f"another fetch (process {error.holder}) is bringing it", 0, time.monotonic() - started
        )
    except RefusedError as error:
        return failed_result(item, str(error), error.tries, time.monotonic() - started)
    except OSError as error:
        return failed_result(item, f"{os_cause(error)}; check its rights and the disk", 1, time.monotonic() - started)


def _fetch_partial(item: FetchItem, source: Source, context: TransferContext, started: float) -> FetchResult:
    with partial_file.open_partial(item.target, item.url, context.tell) as part:
        _, tries = try_persistently(
            lambda: _attempt_request(part, source, context), lambda: part.bytes, item.name, context.fetch, context.stop
        )
        _refuse_unstated(item, part, context, tries)
        receipt = partial_file.publish_file(part)
    status: FetchStatus = "resumed" if part.resumed else "fetched"
    return FetchResult(item.name, item.url, receipt.bytes, receipt.sha256, status, tries, time.monotonic() - started)


def _refuse_unstated(item: FetchItem, part: PartialFile, context: TransferContext, tries: int) -> None:
    """RefusedError where the whole file is not the stated one; its bytes stay, so that they can be accepted."""
    actual = {"size": part.bytes, "md5": part.md5.hexdigest(), "sha256": part.sha256.hexdigest()}
    differences = find_differences(item.file, actual)
    if (sentence := refusal_text(differences)) and not context.accept_changed:
        raise RefusedError(sentence, tries)
    log_differences(item, differences)


def _attempt_request(part: PartialFile, source: Source, context: TransferContext) -> None:
    """One request; returns when the part is the whole file, and raises AgainError or RefusedError when it is not."""
    if part.bytes and not range_validator(part.version):
        partial_file.restart_partial(part, None)
    try:
        with source.read(part.url, part.bytes, part.version) as answer:
            _take_answer(part, answer, context)
    except UnsatisfiableError:
        _refuse_other(part, source)
    except AgainError as error:
        if error.restart:
            partial_file.restart_partial(part, None)
        raise
    _refuse_damaged(part)


def _take_answer(part: PartialFile, answer: Answer, context: TransferContext) -> None:
    if part.version is None or answer.start != part.bytes or answer.start == 0:
        partial_file.restart_partial(part, answer.version)
    part.resumed = answer.start > 0
    for block in refuse_slow_chunks(answer.chunks, context.fetch):
        partial_file.append_block(part, block)
        if context.stop.is_set():
            raise StoppedError


def _refuse_other(part: PartialFile, source: Source) -> None:
    """The server has no byte after ours: fine when it still has our version, and this is all of it."""
    current_version = source.head(part.url, None)
    if (
        part.version is None
        or current_version.bytes != part.bytes
        or not is_same_version(part.version, current_version)
    ):
        partial_file.restart_partial(part, None)
        raise AgainError("the file changed on the server", after=0)
    part.resumed = True


def _refuse_damaged(part: PartialFile) -> None:
    whole = part.version.bytes if part.version else None
    if whole is not None and part.bytes < whole:
        raise AgainError(f"only {part.bytes:,} of {whole:,} bytes came")
    expected = part.version.md5 if part.version else None
    if (whole is not None and part.bytes > whole) or expected not in (None, part.md5.hexdigest()):
        partial_file.restart_partial(part, None)
        raise AgainError("the bytes differ from the checksum or the length that the server gives")
