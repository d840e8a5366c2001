"""Runs one contender in a process of its own: seconds, CPU seconds, memory of the whole tree, bytes written."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

STEP = 0.2
MOST = 18 << 30


@dataclass(frozen=True)
class Measured:
    """`seconds`: the work as the contender counts it, endless when it was stopped because it took more than MOST bytes;
    `wall`, `cpu`: the whole process and its tree; `memory`: peak bytes (PSS) of the tree; `work_cpu`: CPU seconds of the
    work, where a contender counts them."""

    seconds: float
    wall: float
    cpu: float
    memory: int
    written: int
    work_cpu: float = math.nan


def measure(module: str, work: str, landing: Path, out: Path) -> Measured:
    """One run; a contender that fails ends the benchmark with its error."""
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", module, work, str(landing), str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    peak, seen = _watch(process)
    told, error = process.communicate()
    seen.set()
    wall = time.monotonic() - started
    if peak["memory"] > MOST:
        return Measured(math.inf, wall, peak["cpu"], int(peak["memory"]), 0)
    if process.returncode:
        raise SystemExit(f"{module} {work}: {error[-2000:]}")
    costs = json.loads(told.strip().splitlines()[-1])
    memory = int(peak["memory"])
    return Measured(costs["seconds"], wall, peak["cpu"], memory, _written(out), costs.get("cpu", math.nan))


def _watch(process: subprocess.Popen[str]) -> tuple[dict[str, float], threading.Event]:
    peak = {"memory": 0.0, "cpu": 0.0}
    done = threading.Event()
    spent: dict[int, float] = {}

    def look() -> None:
        root = psutil.Process(process.pid)
        while not done.wait(STEP):
            memory = 0
            try:
                tree = [root, *root.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            for one in tree:
                try:
                    times = one.cpu_times()
                    spent[one.pid] = times.user + times.system
                    memory += _resident(one.pid)
                except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
                    continue
            peak["memory"], peak["cpu"] = max(peak["memory"], memory), sum(spent.values())
            if memory > MOST:
                process.kill()

    threading.Thread(target=look, daemon=True).start()
    return peak, done


def _resident(pid: int) -> int:
    """Proportional set size in bytes: pages that processes share are counted once."""
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return next((int(line.split()[1]) << 10 for line in file if line.startswith("Pss:")), 0)


def _written(out: Path) -> int:
    """Bytes of what is left of the work: Parquet and Delta's log, not what was unpacked, spilled or linked on the way."""
    passing = {"unpacked", "spill"}
    found = [path for path in out.rglob("*") if path.is_file() and not path.is_symlink()]
    return sum(path.stat().st_size for path in found if path.stat().st_nlink == 1 and not passing & set(path.parts))
