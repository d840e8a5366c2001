"""Work on several files at once that an interrupt ends at once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

PATIENCE_SECONDS = 1.0


def each(work: Callable[[T], R], things: Sequence[T], workers: int, stop: Event) -> list[R]:
    """What `work` gives for each thing, in their order; the first exception, an interrupt too, sets `stop` and is raised.

    The threads are daemons: one that waits for a silent server must not keep an interrupted run alive, as those of a
    ThreadPoolExecutor would.
    """
    todo: SimpleQueue[tuple[int, T]] = SimpleQueue()
    done: SimpleQueue[tuple[int, R | BaseException, bool]] = SimpleQueue()
    for pair in enumerate(things):
        todo.put(pair)

    def loop() -> None:
        with contextlib.suppress(Empty):
            while not stop.is_set():
                n, thing = todo.get_nowait()
                try:
                    done.put((n, work(thing), True))
                except BaseException as error:
                    done.put((n, error, False))

    threads = [Thread(target=loop, daemon=True) for _ in range(min(workers, len(things)))]
    try:
        for thread in threads:
            thread.start()
        return _gather(done, len(things))
    except BaseException:
        stop.set()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
        raise


def _gather(done: SimpleQueue[tuple[int, R | BaseException, bool]], count: int) -> list[R]:
    found: dict[int, R] = {}
    while len(found) < count:
        n, result, ok = done.get()
        if isinstance(result, BaseException) and not ok:
            raise result
        found[n] = result  # type: ignore[assignment]
    return [found[n] for n in range(count)]
