"""Progress of work that takes longer than a few seconds: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

from oilake.conf.showing import escape_unprintable
from oilake.jobs.runtime.logs import LOGGER

T = TypeVar("T")


def track_progress(items: Iterable[T], total: int, what: str, unit: str) -> Iterator[T]:
    """The items as they come; on a terminal with a bar on stderr, else with one line at the end."""
    if sys.stderr.isatty():
        from tqdm import tqdm

        yield from tqdm(
            items, total=total, desc=escape_unprintable(what), unit=f" {unit}", leave=False, dynamic_ncols=True
        )
    else:
        yield from items
        log_line(f"{what}: {total:,} {unit if total != 1 else unit.removesuffix('s')}")


class BlobsDone(NamedTuple):
    """How many blobs were done so far, and how many bytes they hold."""

    blobs: int
    bytes: int


@contextmanager
def blob_progress(what: str) -> Iterator[Callable[[BlobsDone], None]]:
    """Hears what is done so far; on a terminal as a bar with blobs/s and bytes/s, else as one line each time."""
    from tqdm import tqdm

    started = time.monotonic()
    with tqdm(
        desc=escape_unprintable(what), unit="B", unit_scale=True, leave=False, disable=None, dynamic_ncols=True
    ) as bar:

        def report_progress(so_far: BlobsDone) -> None:
            seconds = max(time.monotonic() - started, 1e-3)
            bar.set_postfix_str(f"{so_far.blobs:,} blobs, {so_far.blobs / seconds:,.0f}/s", refresh=False)
            bar.update(so_far.bytes - bar.n)
            if bar.disable:
                amount = f"{so_far.blobs:,} blobs ({so_far.blobs / seconds:,.0f}/s), {so_far.bytes / 1e6:,.1f} MB"
                log_line(f"{what}: {amount} ({so_far.bytes / 1e6 / seconds:,.0f} MB/s)")

        yield report_progress


def log_line(line: str) -> None:
    """One plain line about what is being done, on stderr."""
    LOGGER.info("%s", line)
