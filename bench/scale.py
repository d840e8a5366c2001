"""usage: python -m bench.scale [--sizes 0.01 0.03 0.1] [--tasks 1 2 4 8] [--cores N] [--at 0.1] [--out data/bench]

Makes samples of V7 (images, labels, boxes) and of V3's labels once. Prints what the ingest of V7 costs at each size, and at
one size what both cost with each number of tasks; each task reads a share of every file. Writes JSON and a plot.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path

import yaml

from bench.measure import Measured, measure, module_command
from bench.plot import MEMORY, Panel, plot
from bench.run import make_sample, work_sample

CPU = Panel("CPU seconds a million rows", "s", lambda run: run.work_cpu / run.counts["rows"] * 1e6)
DRIVER = Panel("CPU seconds of the driver and its Java", "s", lambda run: run.counts["driver_cpu"])
ARCHIVES = ["--releases", "v3", "--tables", "labels"]

Runs = dict[str, dict[str, list[Measured]]]


def main() -> int:
    parser = argparse.ArgumentParser(prog="scale", description=__doc__)
    parser.add_argument("--sizes", nargs="*", type=float, default=[0.01, 0.03, 0.1])
    parser.add_argument("--tasks", nargs="*", type=int, default=[1, 2, 4, 8])
    parser.add_argument("--cores", type=int, help="tasks that run at once, whatever their number; else all")
    parser.add_argument("--at", type=float, default=0.1, help="size at which tasks are counted")
    parser.add_argument("--out", type=Path, default=Path("data/bench"))
    arguments = parser.parse_args()
    out = arguments.out.absolute()
    results: Runs = {}
    for size in arguments.sizes:
        landing = work_sample("plain_release", out / f"{size:g}", size)
        results[f"V7 at {size:g}"] = {"ours": [_measure_ingest("plain_release", landing, out)]}
    archives = out / f"{arguments.at:g}" / "sample-archives"
    for count in arguments.tasks:
        os.environ["OILAKE_ENV"] = _write_environment(out, count, arguments.cores or count)
        plain = work_sample("plain_release", out / f"{arguments.at:g}", arguments.at)
        results[f"V7, {count} tasks"] = {"ours": [_measure_ingest("plain_release", plain, out)]}
        landing = make_sample(archives, arguments.at, ARCHIVES)
        results[f"V3, {count} tasks"] = {"ours": [_measure_ingest("labels", landing, out)]}
    runs = {name: [asdict(run) for run in by_contender["ours"]] for name, by_contender in results.items()}
    (out / "scale.json").write_text(json.dumps(runs, indent=2))
    plot(results, out / "scale.svg", (CPU, MEMORY, DRIVER))
    print(f"results: {out / 'scale.json'}, {out / 'scale.svg'}")
    return 0


def _write_environment(out: Path, tasks: int, cores: int) -> str:
    """The packaged local environment with so many shares of every large file, and so many cores that read them; its path."""
    environment = yaml.safe_load((files("oilake.conf") / "local.yaml").read_text())
    environment["master"] = f"local[{cores}]"
    environment["limits"]["readers"] = tasks
    path = out / f"tasks-{tasks}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(environment))
    return str(path)


def _measure_ingest(work: str, landing: Path, out: Path) -> Measured:
    """One run of ours; its tables are deleted."""
    folder = out / "runs" / work
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    run = measure(module_command("bench.ours", work, landing, folder), folder)
    shutil.rmtree(folder)
    tasks = Path(os.environ.get("OILAKE_ENV", "local")).stem
    print(
        f"{work} of {landing.parent.name}, {tasks}: {run.counts['rows']:,} rows, {run.seconds:.1f} s, "
        f"{run.work_cpu:.1f} CPU s ({CPU.of(run):.2f} a million), {run.memory / 1e9:.2f} GB; the driver and its Java "
        f"{run.counts['driver_cpu']:.1f} CPU s, the driver {run.counts['driver_memory'] / 1e9:.2f} GB; load "
        f"{os.getloadavg()[0]:.1f}",
        flush=True,
    )
    return run


if __name__ == "__main__":
    raise SystemExit(main())
