"""usage: python -m bench.run [--scale 0.1] [--rounds 3] [--work labels …] [--out data/bench]

Makes the sample once, runs us and the peers on the same archives in turn, several times; prints a table, writes JSON and
a plot.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import statistics
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
    "tables": {"ours": "bench.ours_tables", "duckdb": "bench.duckdb_tables", "polars": "bench.polars_tables"},
}
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
    landing = out / "sample"
    if not (landing / "registry").is_dir():
        cli.main(["sample", "--out", str(landing), "--scale", str(arguments.scale), "--releases", "v1,v2,v3"])
    results: Results = {name: _rounds(name, landing, out, arguments) for name in arguments.work}
    plain = {w: {c: [asdict(m) for m in runs] for c, runs in found.items()} for w, found in results.items()}
    (out / "results.json").write_text(json.dumps(plain, indent=2))
    plot(results, out / "results.svg")
    print("\n".join(_table(results)))
    print(f"results: {out / 'results.json'}, {out / 'results.svg'}")
    return 0


def _rounds(work: str, landing: Path, out: Path, arguments: argparse.Namespace) -> dict[str, list[Measured]]:
    contenders = CONTENDERS[WORK[work].starts_at]
    if WORK[work].starts_at == "tables":
        prepare(landing, out / "warehouse")
    source = landing if WORK[work].starts_at == "archives" else out / "warehouse"
    found: dict[str, list[Measured]] = {name: [] for name in contenders}
    for n in range(arguments.rounds):
        for name, module in contenders.items():
            folder = out / "runs" / work / name
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            found[name].append(measure(module, work, source, folder))
            print(f"{work} {n + 1}/{arguments.rounds} {name}: {found[name][-1].seconds:.1f} s", flush=True)
            shutil.rmtree(folder / "unpacked", ignore_errors=True)
    for table in WORK[work].files:
        for peer in ("duckdb", "polars"):
            runs = out / "runs" / work
            if math.isfinite(found[peer][-1].seconds):
                print(compare.check(table, runs / "ours", runs / peer, arguments.scale <= EVERY_ROW_UP_TO), flush=True)
    shutil.rmtree(out / "runs" / work)
    return found


def _table(results: Results) -> list[str]:
    lines = [
        "work      who       seconds (spread)     CPU s   peak MB   MB written   ours over the faster peer (spread)"
    ]
    for work, found in results.items():
        ratios = _ratios(found)
        for name, runs in found.items():
            seconds = [run.seconds for run in runs]
            spread = f"{statistics.median(seconds):7.2f} ({min(seconds):.2f}-{max(seconds):.2f})"
            told = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})" if name == "ours" else ""
            lines.append(
                f"{work:<10}{name:<8}{spread:<22}{statistics.median(run.cpu for run in runs):7.1f}"
                f"{max(run.memory for run in runs) / 1e6:10,.0f}{runs[-1].written / 1e6:13,.0f}   {told}"
            )
    return lines


def _ratios(found: dict[str, list[Measured]]) -> list[float]:
    """Ours over the faster peer, round by round."""
    rounds = zip(*found.values(), strict=True)
    return [ours.seconds / min(peer.seconds for peer in peers) for ours, *peers in rounds]


if __name__ == "__main__":
    raise SystemExit(main())
