"""What is there already, what has to be fetched, and whether the disk has room for it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from oilake.conf.errors import InputError, StoreError, os_cause
from oilake.conf.settings import FetchSettings
from oilake.conf.stated_bytes import Difference, find_differences, refusal_text, warning_text
from oilake.jobs.fetching import partial_file, receipts
from oilake.jobs.fetching.locations import FetchItem
from oilake.jobs.fetching.results import FetchResult
from oilake.jobs.runtime.fetch_receipt import load_receipt
from oilake.jobs.runtime.progress import log_line
from oilake.jobs.transport.retry import try_persistently
from oilake.jobs.transport.source import RefusedError, Source, is_same_version

ABSENT_CODES = (403, 404, 410)


@dataclass(frozen=True)
class PlannedFetch:
    """A file to fetch: its length in bytes (None: not told), how many are there, and whether it replaces a whole one."""

    item: FetchItem
    bytes: int | None
    there: int
    anew: bool


@dataclass(frozen=True)
class PlanContext:
    """What every look of a run shares: settings, the word to stop, whether the source is asked for changes of files that
    are there, and whether bytes are taken that are not the stated ones."""

    fetch: FetchSettings
    stop: Event
    check: bool = False
    accept_changed: bool = False


def plan_fetch(item: FetchItem, source: Source, context: PlanContext) -> FetchResult | PlannedFetch:
    """What to do about one file: what is there is held against what was stated of it, and what is at the source too."""
    try:
        present_result = present_file(item)
        _log_odd_file(item, present_result)
        if present_result and (present_result.sha256 is None or not context.check):
            return _judge_present(item, present_result, context)
        fetched_version = receipts.fetched_version(item.target, item.url) if present_result else None
        version, _ = try_persistently(
            lambda: source.head(item.url, fetched_version), lambda: 0, item.name, context.fetch, context.stop
        )
    except RefusedError as error:
        return absent_result(item, error) if is_absent(item, error) else failed_result(item, str(error), error.tries)
    except OSError as error:
        return failed_result(item, f"{os_cause(error)}; check its rights and the disk", 0)
    if present_result and fetched_version and is_same_version(fetched_version, version):
        return _judge_present(item, present_result, context)
    differences = find_differences(item.file, {"size": version.bytes, "md5": version.md5})
    if (sentence := refusal_text(differences)) and not context.accept_changed:
        return failed_result(item, sentence, 0)
    if present_result:
        log_line(f"{item.name}: changed where it comes from; fetching it again")
    return PlannedFetch(item, version.bytes, partial_file.partial_size(item.target), anew=present_result is not None)


def _judge_present(item: FetchItem, result: FetchResult, context: PlanContext) -> FetchResult:
    receipt = load_receipt(item.target) if result.sha256 else None
    md5 = receipt.md5 if receipt else None
    differences = find_differences(item.file, {"size": result.bytes, "md5": md5, "sha256": result.sha256})
    if (sentence := refusal_text(differences)) and not context.accept_changed:
        return failed_result(item, sentence, 0)
    log_differences(item, differences)
    return result


def log_differences(item: FetchItem, differences: list[Difference]) -> None:
    """Tells what a file that is taken all the same has in place of what was stated."""
    if differences:
        log_line(f"{item.name}: {warning_text(differences)}")


def is_absent(item: FetchItem, error: RefusedError) -> bool:
    """Whether the source has no such file, of one that nobody is known to have."""
    is_gone = error.cause.code in ABSENT_CODES if "://" in item.url else not Path(item.url).exists()
    return item.file.optional and is_gone


def absent_result(item: FetchItem, error: RefusedError) -> FetchResult:
    """The result of a file that need not be there."""
    log_line(f"{item.name}: is not there ({error}); the release is complete without it")
    return FetchResult(item.name, item.url, None, None, "absent", error.tries)


def present_file(item: FetchItem) -> FetchResult | None:
    """The file that is there: as its receipt says, or put there by hand, without one (and so without SHA-256).

    InputError names what is there and is no file.
    """
    if not item.target.exists():
        return None
    if not item.target.is_file():
        raise InputError(f"{item.target}: is no file, where {item.name} belongs; move it away and fetch again")
    receipt = load_receipt(item.target)
    if receipt is None:
        return FetchResult(item.name, item.url, item.target.stat().st_size, None, "present")
    return (
        FetchResult(item.name, receipt.url, receipt.bytes, receipt.sha256, "present")
        if receipts.matches_receipt(item.target, receipt)
        else None
    )


def _log_odd_file(item: FetchItem, present_result: FetchResult | None) -> None:
    if present_result and present_result.sha256 is None:
        log_line(f"{item.name}: was not fetched but put here; left alone (delete it to have it fetched)")
    elif present_result is None and item.target.exists():
        log_line(f"{item.name}: is not what its receipt says; fetching it again")


def failed_result(item: FetchItem, sentence: str, tries: int, seconds: float = 0.0) -> FetchResult:
    """The result of a file that could not be had."""
    return FetchResult(item.name, item.url, None, None, "failed", tries, seconds, sentence)


def total_bytes(planned: Sequence[PlannedFetch]) -> int | None:
    """Bytes of all files; None where the length of one is not told."""
    lengths = [fetch.bytes for fetch in planned if fetch.bytes is not None]
    return sum(lengths) if len(lengths) == len(planned) else None


def refuse_short_disk(planned: Sequence[PlannedFetch], landing: str) -> None:
    """StoreError when the disk under the landing area has no room for the bytes to come."""
    for fetch in planned:
        if fetch.bytes is None:
            log_line(
                f"{fetch.item.name}: its length is not known before it is fetched; the check of the disk leaves it out"
            )
    needed = sum(max(0, fetch.bytes - fetch.there) for fetch in planned if fetch.bytes is not None)
    folders = [folder for fetch in planned for folder in fetch.item.target.parents if folder.exists()]
    if needed > (free := shutil.disk_usage(folders[0]).free if folders else 0):
        raise StoreError(
            f"{landing}: {needed:,} bytes are to be fetched and the disk has {free:,} left; "
            "make room, give another --landing, or take single files with --file"
        )
