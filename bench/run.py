"""usage: python -m bench.run [--scale 0.1] [--rounds 3] [--work labels …] [--out data/bench]

Makes the samples once, runs us and the peers on the same files in turn, several times; prints the load of the machine
with each run and a table, writes JSON and a plot.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from bench import compare
from bench.measure import Measured, measure
from bench.plot import plot
from bench.tables import prepare
from bench.work import WORK
from oilake.jobs import cli

CONTENDERS = {
    "archives": {"ours": "bench.ours", "duckdb": "bench.duckdb_peer", "polars": "bench.polars_peer"},
    "plain": {"ours": "bench.ours", "duckdb": "bench.duckdb_plain", "polars": "bench.polars_plain"},
    "tables": {"ours": "bench.ours_tables", "duckdb": "bench.duckdb_tables", "polars": "bench.polars_tables"},
}
SAMPLES = {
    "v6": ("sample-v6", ["--releases", "v6", "--tables", "narratives"]),
    "v3": ("sample", ["--releases", "v1,v2,v3"]),
    "v7": ("sample-v7", ["--releases", "v7", "--tables", "images,labels,boxes"]),
}
# Works whose files stand in a sample of their own.
OWN_SAMPLES = {"points": ("sample-points", ["--releases", "v7", "--tables", "points"])}
EVERY_ROW_UP_TO = 0.1

Results = dict[str, dict[str, list[Measured]]]


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--scale", type=float, default=0.1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", nargs="+", choices=list(WORK), default=list(WORK))
    parser.add_argument("--out", type=Path, default=Path("data/bench"))
    arguments = parser.parse_args()
    out = arguments.out.absolute() / f"{arguments.scale:g}"
    landings = {name: _landing(name, out, arguments.scale) for name in arguments.work}
    results: Results = {name: _rounds(name, landings[name], out, arguments) for name in arguments.work}
    plain = {w: {c: [asdict(m) for m in runs] for c, runs in found.items()} for w, found in results.items()}
    (out / "results.json").write_text(json.dumps(plain, indent=2))
    plot(results, out / "results.svg")
    print("\n".join(_table(results)))
    print(f"results: {out / 'results.json'}, {out / 'results.svg'}")
    return 0


def _landing(work: str, out: Path, scale: float) -> Path:
    """The sample that holds the files of the work, made unless it is there."""
    folder, choice = OWN_SAMPLES.get(work) or SAMPLES[WORK[work].release]
    if not (out / folder / "registry").is_dir():
        cli.main(["sample", "--out", str(out / folder), "--scale", str(scale), *choice])
    return out / folder


def _rounds(work: str, landing: Path, out: Path, arguments: argparse.Namespace) -> dict[str, list[Measured]]:
    contenders = CONTENDERS[WORK[work].starts_at]
    if WORK[work].starts_at == "tables":
        prepare(landing, out / "warehouse")
    source = out / "warehouse" if WORK[work].starts_at == "tables" else landing
    found: dict[str, list[Measured]] = {name: [] for name in contenders}
    for n in range(arguments.rounds):
        for name, module in contenders.items():
            folder = out / "runs" / work / name
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            found[name].append(measure(module, work, source, folder))
            load = os.getloadavg()[0]
            run = found[name][-1]
            print(
                f"{work} {n + 1}/{arguments.rounds} {name}: {run.seconds:.1f} s, {run.work_cpu:.1f} CPU s, load {load:.1f}",
                flush=True,
            )
            shutil.rmtree(folder / "unpacked", ignore_errors=True)
    every_row = arguments.scale <= EVERY_ROW_UP_TO
    for table in WORK[work].table_names():
        for peer in ("duckdb", "polars"):
            runs = out / "runs" / work
            if math.isfinite(found[peer][-1].seconds):
                print(compare.check(WORK[work], table, runs / "ours", runs / peer, every_row), flush=True)
    shutil.rmtree(out / "runs" / work)
    return found


def _table(results: Results) -> list[str]:
    lines = [
        "work         who     seconds (spread)     CPU s of the work   peak MB   MB written   "
        "ours over the faster peer, seconds and CPU s (spread)"
    ]
    for work, found in results.items():
        ratios = [_spread(_ratios(found, of)) for of in (lambda run: run.seconds, lambda run: run.work_cpu)]
        for name, runs in found.items():
            lines.append(
                f"{work:<13}{name:<8}{_spread([run.seconds for run in runs]):<21}"
                f"{_spread([run.work_cpu for run in runs]):<20}{max(run.memory for run in runs) / 1e6:7,.0f}"
                f"{runs[-1].written / 1e6:13,.0f}   {', '.join(ratios) if name == 'ours' else ''}"
            )
    return lines


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def _ratios(found: dict[str, list[Measured]], cost: Callable[[Measured], float]) -> list[float]:
    """Ours over the cheaper peer, round by round."""
    rounds = zip(*found.values(), strict=True)
    return [cost(ours) / min(map(cost, peers)) for ours, *peers in rounds]


if __name__ == "__main__":
    raise SystemExit(main())
