"""What a piece of work costs, told by the contender itself: its start stands apart, and CPU seconds bear a busy machine."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import psutil


class Stopwatch:
    """Counts from when it is made."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._spent = tree_cpu()
        self._driver = driver_cpu()

    def costs(self) -> dict[str, float]:
        """`seconds`; CPU seconds of this process and of all that it started (`cpu`), of it and its Java (`driver_cpu`)."""
        return {
            "seconds": time.monotonic() - self._started,
            "cpu": tree_cpu() - self._spent,
            "driver_cpu": driver_cpu() - self._driver,
        }


def peak_bytes(process: int | str) -> int:
    """The most bytes that a process, by its ID or `self`, held so far, without what it was forked from; 0 where it has
    ended."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:")), 0)


def tree_cpu() -> float:
    """CPU seconds that this process, those that it started and those of theirs that have ended took so far."""
    spent = 0.0
    current = psutil.Process()
    for process in [current, *current.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            spent += times.user + times.system + times.children_user + times.children_system
    return spent


def driver_cpu() -> float:
    """CPU seconds that this process and its Java took so far; Python workers are left out."""
    spent = 0.0
    current = psutil.Process()
    for process in [current, *current.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process == current or process.name() == "java":
                times = process.cpu_times()
                spent += times.user + times.system
    return spent
