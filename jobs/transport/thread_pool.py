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


def work_in_threads(work: Callable[[T], R], items: Sequence[T], workers: int, stop: Event) -> list[R]:
    """What `work` gives for each thing, in their order; the first exception, an interrupt too, sets `stop` and is raised.

    The threads are daemons: one that waits for a silent server must not keep an interrupted run alive, as those of a
    ThreadPoolExecutor would.
    """
    todo: SimpleQueue[tuple[int, T]] = SimpleQueue()
    done: SimpleQueue[tuple[int, R | BaseException, bool]] = SimpleQueue()
    for pair in enumerate(items):
        todo.put(pair)

    def work_off_queue() -> None:
        with contextlib.suppress(Empty):
            while not stop.is_set():
                index, item = todo.get_nowait()
                try:
                    done.put((index, work(item), True))
                except BaseException as error:
                    done.put((index, error, False))

    threads = [Thread(target=work_off_queue, daemon=True) for _ in range(min(workers, len(items)))]
    try:
        for thread in threads:
            thread.start()
        return _gather_results(done, len(items))
    except BaseException:
        stop.set()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
        raise


def _gather_results(done: SimpleQueue[tuple[int, R | BaseException, bool]], count: int) -> list[R]:
    result_by_index: dict[int, R] = {}
    while len(result_by_index) < count:
        index, result, ok = done.get()
        if isinstance(result, BaseException) and not ok:
            raise result
        result_by_index[index] = result  # type: ignore[assignment]
    return [result_by_index[index] for index in range(count)]
