"""What is there already, what has to be fetched, and whether the disk has room for it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event

from oilake.conf.errors import StoreError, os_cause
from oilake.conf.settings import Fetch
from oilake.jobs.fetching import partial_file, receipts
from oilake.jobs.fetching.locations import Item
from oilake.jobs.fetching.results import Result
from oilake.jobs.runtime.progress import say
from oilake.jobs.transport.retry import persist
from oilake.jobs.transport.source import RefusedError, Source, same


@dataclass(frozen=True)
class Wanted:
    """A file to fetch: its length in bytes (None: not told), how many are there, and whether it replaces a whole one."""

    item: Item
    bytes: int | None
    there: int
    anew: bool


def look(item: Item, source: Source, fetch: Fetch, check: bool, stop: Event) -> Result | Wanted:
    """What to do about one file; with `check` the source is asked whether a file that is there has changed."""
    try:
        known = present(item)
        _say_what_is_odd(item, known)
        if known and (known.sha256 is None or not check):
            return known
        had = receipts.version(item.target, item.url) if known else None
        version, _ = persist(lambda: source.head(item.url, had), lambda: 0, item.name, fetch, stop)
    except RefusedError as error:
        return failed(item, str(error), error.tries)
    except OSError as error:
        return failed(item, f"{os_cause(error)}; check its rights and the disk", 0)
    if known and had and same(had, version):
        return known
    if known:
        say(f"{item.name}: changed where it comes from; fetching it again")
    return Wanted(item, version.bytes, partial_file.size(item.target), anew=known is not None)


def present(item: Item) -> Result | None:
    """The file that is there: as its receipt says, or put there by hand, without one (and so without SHA-256)."""
    if not item.target.exists():
        return None
    had = receipts.load(item.target)
    if had is None:
        return Result(item.name, item.url, item.target.stat().st_size, None, "present")
    return Result(item.name, had.url, had.bytes, had.sha256, "present") if receipts.holds(item.target, had) else None


def _say_what_is_odd(item: Item, known: Result | None) -> None:
    if known and known.sha256 is None:
        say(f"{item.name}: was not fetched but put here; left alone (delete it to have it fetched)")
    elif known is None and item.target.exists():
        say(f"{item.name}: is not what its receipt says; fetching it again")


def failed(item: Item, sentence: str, tries: int, seconds: float = 0.0) -> Result:
    """The result of a file that could not be had."""
    return Result(item.name, item.url, None, None, "failed", tries, seconds, sentence)


def total(wanted: Sequence[Wanted]) -> int | None:
    """Bytes of all files; None where the length of one is not told."""
    lengths = [one.bytes for one in wanted if one.bytes is not None]
    return sum(lengths) if len(lengths) == len(wanted) else None


def refuse_short_disk(wanted: Sequence[Wanted], landing: str) -> None:
    """StoreError when the disk under the landing area has no room for the bytes to come."""
    for one in wanted:
        if one.bytes is None:
            say(f"{one.item.name}: its length is not known before it is fetched; the check of the disk leaves it out")
    needed = sum(max(0, one.bytes - one.there) for one in wanted if one.bytes is not None)
    folders = [folder for one in wanted for folder in one.item.target.parents if folder.exists()]
    if needed > (free := shutil.disk_usage(folders[0]).free if folders else 0):
        raise StoreError(
            f"{landing}: {needed:,} bytes are to be fetched and the disk has {free:,} left; "
            "make room, give another --landing, or take single files with --file"
        )
