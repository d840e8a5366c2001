"""usage: python -m bench.evaluate [--images 100000] [--classes 500] [--rounds 1] [--out data/bench/evaluate]

`oilake evaluate` and the reference code in turn, each in a process of its own, on the same random boxes: 7 an image, 4
predictions a box. Ours reads the published tables, the reference CSV files of the same rows. The figures must be equal.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.options import rounds_parser
from bench.stopwatch import peak_bytes
from tests.support.consumers import consumer_python
from tests.support.predicted_world import RELEASE, SUBSET, write_world
from tests.unit.evaluating.test_reference import PEER, REQUIREMENTS

SEED = 1


@dataclass(frozen=True)
class EvaluationCosts:
    """`wall`, `cpu`: seconds of the process with its start; `memory`: its peak bytes; `mean`: the mean average precision."""

    wall: float
    cpu: float
    memory: int
    mean: float

    def __str__(self) -> str:
        """A line of the table."""
        return f"{self.wall:9.1f} s {self.cpu:9.1f} CPU s {self.memory / 1e6:8,.0f} MB   mAP {self.mean:.9f}"


def main() -> int:
    parser = rounds_parser("bench.evaluate", __doc__, 1, "data/bench/evaluate")
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--classes", type=int, default=500)
    arguments = parser.parse_args()
    folder: Path = arguments.out.absolute() / f"{arguments.images}-{arguments.classes}"
    if not (folder / "warehouse" / "image_labels").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        write_world(folder, arguments.images, arguments.classes, SEED)
    calls = {
        "ours": [
            sys.executable, "-m", "oilake.jobs.cli", "evaluate", "--predictions", str(folder / "predictions.csv"),
            "--release", RELEASE, "--subset", SUBSET, "--warehouse", str(folder / "warehouse"), "--json",
        ],
        "reference": [str(consumer_python("reference", *REQUIREMENTS)), str(PEER), "boxes", str(folder), "1"],
    }  # fmt: skip
    for _ in range(arguments.rounds):
        costs = {name: run_contender(call) for name, call in calls.items()}
        for name, cost in costs.items():
            print(f"{name:<10}{cost}", flush=True)
        if abs(costs["ours"].mean - costs["reference"].mean) > 1e-9:
            raise SystemExit("the figures differ")
        print(f"CPU seconds of ours over the reference's: {costs['ours'].cpu / costs['reference'].cpu:.3f}", flush=True)
    return 0


def run_contender(call: list[str]) -> EvaluationCosts:
    """Runs a contender to its end; SystemExit with its error where it fails."""
    started, memory, status = time.monotonic(), 0, None
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(call, stdout=printed)
        while status is None:
            memory = max(memory, peak_bytes(process.pid))
            time.sleep(0.05)
            ended, code, usage = os.wait4(process.pid, os.WNOHANG)
            status = code if ended else None
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{call}: exit {process.returncode}")
        printed.seek(0)
        report: dict[str, Any] = json.loads(printed.read())
    cpu = usage.ru_utime + usage.ru_stime
    return EvaluationCosts(time.monotonic() - started, cpu, memory, report["figures"]["mAP@0.5IOU"])


if __name__ == "__main__":
    raise SystemExit(main())
