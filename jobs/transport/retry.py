"""Asking again: how often, and after how long."""

from __future__ import annotations

import random
from collections.abc import Callable
from threading import Event
from typing import TypeVar

from oilake.conf.settings import FetchSettings
from oilake.jobs.runtime.progress import log_line
from oilake.jobs.transport.source import AgainError, RefusedError, StoppedError

T = TypeVar("T")

PROGRESS_BYTES = 1 << 20


def try_persistently(
    attempt: Callable[[], T],
    reached: Callable[[], int],
    name: str,
    fetch: FetchSettings,
    stop: Event,
    tell: Callable[[str], None] = log_line,
) -> tuple[T, int]:
    """(what `attempt` gives, the number of tries); RefusedError when it is final or `fetch.tries` came to nothing.

    A try that got a mebibyte further than all before it (`reached`, in bytes) does not count against the limit: a large
    file over a line that breaks every few minutes comes to its end.
    """
    tries, vain_tries, furthest = 0, 0, reached()
    while True:
        tries += 1
        try:
            return attempt(), tries
        except RefusedError as error:
            raise RefusedError(str(error), tries, error.cause) from None
        except AgainError as error:
            problem = error
        if reached() >= furthest + PROGRESS_BYTES:
            furthest, vain_tries = reached(), 0
        vain_tries += 1
        if vain_tries >= fetch.tries:
            raise RefusedError(f"{problem} (try {tries}, the last)", tries, problem.cause)
        seconds = pause_seconds(vain_tries, problem.after, fetch)
        tell(f"{name}: {problem}; try {tries + 1} in {seconds:.1f} s")
        if stop.wait(seconds):
            raise StoppedError


def pause_seconds(vain: int, after: float | None, fetch: FetchSettings) -> float:
    """Seconds before the next try: what the server asks for, else twice as long each time, with jitter; bounded."""
    if after is not None:
        return min(after, fetch.wait_limit_seconds)
    doubled = fetch.backoff_seconds * 2.0 ** min(vain - 1, 30)
    return min(doubled, fetch.wait_limit_seconds) * random.uniform(0.5, 1)
