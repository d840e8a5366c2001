"""usage: python -m bench.run [--scale 0.1] [--rounds 3] [--work labels …] [--out data/bench]

Makes the samples once, runs us and the peers on the same files in turn, several times: each once as a command, for what a
person waits for, and ours once more for the work without Spark's start. Prints the load of the machine with each run and two
tables, writes JSON and a plot.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from bench import compare
from bench.measure import Measured, measure, module_command, spread_text
from bench.options import scaled_parser
from bench.our_command import prepare_command
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

CLOCK_TITLE, WORK_TITLE = "from the command to the prompt", "the work alone, without Spark's start"
CLOCK_HEAD = (
    "work            who     seconds (spread)      CPU s of the tree     ours over the faster peer, seconds and CPU s"
)
WORK_HEAD = (
    "work            who     seconds (spread)      CPU s of the work     peak MB   MB written   "
    "ours over the faster peer, seconds and CPU s"
)

Results = dict[str, dict[str, list[Measured]]]
Cost = Callable[[Measured], float]


def main() -> int:
    parser = scaled_parser("bench", __doc__)
    parser.add_argument("--work", nargs="+", choices=list(WORK), default=list(WORK))
    arguments = parser.parse_args()
    out = arguments.out.absolute() / f"{arguments.scale:g}"
    landings = {name: work_sample(name, out, arguments.scale) for name in arguments.work}
    results: Results = {name: _run_rounds(name, landings[name], out, arguments) for name in arguments.work}
    plain = {w: {c: [asdict(m) for m in runs] for c, runs in by_name.items()} for w, by_name in results.items()}
    (out / "results.json").write_text(json.dumps(plain, indent=2))
    plot(results, out / "results.svg")
    print("\n".join([*_clock_table(results), "", *_work_table(results)]))
    print(f"results: {out / 'results.json'}, {out / 'results.svg'}")
    return 0


def work_sample(work: str, out: Path, scale: float) -> Path:
    """The sample that holds the files of the work, made unless it is there."""
    folder, choice = OWN_SAMPLES.get(work) or SAMPLES[WORK[work].release]
    return make_sample(out / folder, scale, choice)


def make_sample(folder: Path, scale: float, choice: Sequence[str]) -> Path:
    """The folder of a sample, made unless it is there; `choice`: flags of `oilake sample`."""
    if not any((folder / "registry").glob("*.yaml")):
        cli.main(["sample", "--out", str(folder), "--scale", str(scale), *choice])
    return folder


def _run_rounds(work: str, landing: Path, out: Path, arguments: argparse.Namespace) -> dict[str, list[Measured]]:
    contenders = CONTENDERS[WORK[work].starts_at]
    if WORK[work].starts_at == "tables":
        prepare(landing, out / "warehouse")
    source = out / "warehouse" if WORK[work].starts_at == "tables" else landing
    runs_by_name: dict[str, list[Measured]] = {name: [] for name in contenders}
    for n in range(arguments.rounds):
        for name, module in contenders.items():
            run = _measure_contender(name, module, work, source, out / "runs" / work)
            runs_by_name[name].append(run)
            print(
                f"{work} {n + 1}/{arguments.rounds} {name}: {run.seconds:.1f} s, {run.work_cpu:.1f} CPU s; as a command "
                f"{run.wall:.1f} s, {run.cpu:.1f} CPU s; load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
    every_row = arguments.scale <= EVERY_ROW_UP_TO
    for table in WORK[work].table_names():
        for peer in ("duckdb", "polars"):
            runs = out / "runs" / work
            if math.isfinite(runs_by_name[peer][-1].seconds):
                print(compare.check(WORK[work], table, runs / "ours", runs / peer, every_row), flush=True)
    shutil.rmtree(out / "runs" / work)
    return runs_by_name


def _measure_contender(name: str, module: str, work: str, source: Path, runs: Path) -> Measured:
    """One run; what it wrote is left in its folder. Ours is started twice, since the work alone is timed in a process where
    Spark runs and tables are there."""
    folder = _empty_folder(runs / name)
    run = measure(module_command(module, work, source, folder), folder)
    shutil.rmtree(folder / "unpacked", ignore_errors=True)
    if name != "ours":
        return run
    typed = _empty_folder(runs / "command")
    command = measure(prepare_command(work, source, typed), typed)
    shutil.rmtree(typed)
    return replace(run, wall=command.wall, cpu=command.cpu)


def _empty_folder(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _clock_table(results: Results) -> list[str]:
    """What a person waits for, and what the whole process tree takes."""
    return _cost_table(results, CLOCK_TITLE, CLOCK_HEAD, (lambda run: run.wall, lambda run: run.cpu), lambda runs: "")


def _work_table(results: Results) -> list[str]:
    costs = (lambda run: run.seconds, lambda run: run.work_cpu)
    return _cost_table(results, WORK_TITLE, WORK_HEAD, costs, _space_cells)


def _cost_table(
    results: Results, title: str, head: str, costs: Sequence[Cost], more: Callable[[list[Measured]], str]
) -> list[str]:
    """A line a contender with the spread of two costs, and behind ours its ratios to the
    cheaper peer; `more`: cells between."""
    lines = [title, head]
    for work, runs_by_name in results.items():
        ratios = ", ".join(spread_text(_peer_ratios(runs_by_name, cost)) for cost in costs)
        for name, runs in runs_by_name.items():
            spreads = [spread_text([cost(run) for run in runs]) for cost in costs]
            line = f"{work:<16}{name:<8}{spreads[0]:<22}{spreads[1]:<22}{more(runs)}{ratios if name == 'ours' else ''}"
            lines.append(line)
    return lines


def _space_cells(runs: list[Measured]) -> str:
    return f"{max(run.memory for run in runs) / 1e6:7,.0f}{runs[-1].written / 1e6:13,.0f}   "


def _peer_ratios(runs_by_name: dict[str, list[Measured]], cost: Cost) -> list[float]:
    """Ours over the cheaper peer, round by round."""
    rounds = zip(*runs_by_name.values(), strict=True)
    return [cost(ours) / min(map(cost, peers)) for ours, *peers in rounds]


if __name__ == "__main__":
    raise SystemExit(main())
