"""How much memory this process and all below it (Java, Python workers) took at most, from Linux's /proc."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from threading import Event, Thread

STEP_SECONDS = 1.0
PROC = Path("/proc")


class TreeMemory:
    """Looks at the tree of processes each second, in a thread, between `start` and `stop`."""

    def __init__(self) -> None:
        self.peak = 0
        self._ended = Event()
        self._thread = Thread(target=self._watch, name="oilake-memory", daemon=True)

    def start(self) -> TreeMemory:
        """Begins to look."""
        self._thread.start()
        return self

    def stop(self) -> int | None:
        """Ends it; the most bytes that were resident at once, of pages that processes share counted in each. None where
        the system does not tell."""
        self._ended.set()
        self._thread.join()
        self._look_once()
        return self.peak or None

    def _watch(self) -> None:
        while not self._ended.wait(STEP_SECONDS):
            self._look_once()

    def _look_once(self) -> None:
        self.peak = max(self.peak, sum(map(resident_bytes, process_tree(os.getpid()))))


def process_tree(root: int) -> list[int]:
    """The IDs of a process and of all below it that run; only its own where the system does not tell its children."""
    tree, waiting = [], [root]
    while waiting:
        tree.append(process := waiting.pop())
        for children in _task_files(process):
            with contextlib.suppress(OSError):
                waiting += map(int, children.read_text().split())
    return tree


def _task_files(process: int) -> list[Path]:
    try:
        return [task / "children" for task in (PROC / str(process) / "task").iterdir()]
    except OSError:
        return []


def resident_bytes(process: int) -> int:
    """The resident bytes of one process; 0 where it has ended, or the system does not tell."""
    try:
        return int((PROC / str(process) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0
