"""Runs one command in a process of its own: seconds, CPU seconds, memory of the whole tree, bytes written."""

from __future__ import annotations

import json
import math
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

STEP = 0.2
MOST = 18 << 30


@dataclass(frozen=True)
class Measured:
    """`seconds`: the work as the contender counts it, endless when it was stopped because it took more than MOST bytes;
    `wall`: from the command to the prompt; `cpu`: CPU seconds of the whole process tree; `memory`: peak bytes (PSS) of the
    tree; `work_cpu`: CPU seconds of the work, where a contender counts them; `counts`: its whole line."""

    seconds: float
    wall: float
    cpu: float
    memory: int
    written: int
    work_cpu: float = math.nan
    counts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class CommandCost:
    """What a person waits for: seconds from the command to the prompt, and CPU seconds of all processes it waited for."""

    wall: float
    cpu: float
    output: str


def spread_text(values: Sequence[float]) -> str:
    """The median, and the least and the most."""
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def module_command(module: str, work: str, landing: Path, out: Path, python: str = sys.executable) -> list[str]:
    """A contender's script, as a person starts it by a Python."""
    return [python, "-m", module, work, str(landing), str(out)]


def measure(command: Sequence[str], out: Path) -> Measured:
    """One run, whose last line is JSON with `seconds`; a command that fails ends the benchmark with its error."""
    started, before = time.monotonic(), _children_cpu()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    peak, ended = _watch(process)
    output, error = process.communicate()
    ended.set()
    wall = time.monotonic() - started
    cpu = max(peak["cpu"], _children_cpu() - before)  # what ended between two looks, and what nobody waited for
    if peak["memory"] > MOST:
        return Measured(math.inf, wall, cpu, int(peak["memory"]), 0)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: {error[-2000:]}")
    costs = json.loads(output.strip().splitlines()[-1])
    return Measured(costs["seconds"], wall, cpu, int(peak["memory"]), _written(out), costs.get("cpu", math.nan), costs)


def measure_command(command: Sequence[str], environment: Mapping[str, str] | None = None) -> CommandCost:
    """One run that ends within seconds and leaves no process behind; one that fails ends the benchmark with its error."""
    started, before = time.monotonic(), _children_cpu()
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    cost = CommandCost(time.monotonic() - started, _children_cpu() - before, done.stdout)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr[-2000:]}")
    return cost


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _watch(process: subprocess.Popen[str]) -> tuple[dict[str, float], threading.Event]:
    peak = {"memory": 0.0, "cpu": 0.0}
    ended = threading.Event()
    spent: dict[int, float] = {}

    def look() -> None:
        root = psutil.Process(process.pid)
        while not ended.wait(STEP):
            memory = 0
            try:
                tree = [root, *root.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            for member in tree:
                try:
                    times = member.cpu_times()
                    spent[member.pid] = times.user + times.system
                    memory += _resident(member.pid)
                except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
                    continue
            peak["memory"], peak["cpu"] = max(peak["memory"], memory), sum(spent.values())
            if memory > MOST:
                process.kill()

    threading.Thread(target=look, daemon=True).start()
    return peak, ended


def _resident(pid: int) -> int:
    """Proportional set size in bytes: pages that processes share are counted once."""
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return next((int(line.split()[1]) << 10 for line in file if line.startswith("Pss:")), 0)


def _written(out: Path) -> int:
    """Bytes of what is left of the work: Parquet and Delta's log, not what was unpacked, spilled or linked on the way."""
    passing = {"unpacked", "spill"}
    files = [path for path in out.rglob("*") if path.is_file() and not path.is_symlink()]
    return sum(path.stat().st_size for path in files if path.stat().st_nlink == 1 and not passing & set(path.parts))
