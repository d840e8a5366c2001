"""usage: python -m bench.check [--scale 0.1] [--rounds 3] [--table labels …] [--peers spark …] [--out data/bench]

`oilake check` of V3's labels and image_labels in full, beside one hand-written Spark aggregate of the same metrics and
Great Expectations' plain run, on the same warehouse in turn. All must find the same.
"""

from __future__ import annotations

import json
import shutil
import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.check_table import RELEASE
from bench.measure import Measured, measure, module_command, spread_text
from bench.options import scaled_parser
from bench.tables import prepare
from oilake.jobs import cli
from oilake.jobs.tables import snapshots
from oilake.jobs.tables.warehouse import Warehouse

MODULES = {"ours": "bench.ours_check", "spark": "bench.spark_check", "great": "bench.great_check"}
TABLES = ("labels", "image_labels")


@dataclass(frozen=True)
class Run:
    """One contender's run: what it cost, and what it found."""

    measured: Measured
    found: dict[str, Any]


def main() -> int:
    parser = scaled_parser("bench.check", __doc__)
    parser.add_argument("--table", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--peers", nargs="*", choices=["spark", "great"], default=["spark", "great"])
    arguments = parser.parse_args()
    out = arguments.out.absolute() / f"{arguments.scale:g}"
    if not (out / "sample" / "registry").is_dir():
        cli.main(["sample", "--out", str(out / "sample"), "--scale", str(arguments.scale), "--releases", "v1,v2,v3"])
    if "image_labels" not in _published(out / "warehouse"):
        prepare(out / "sample", out / "warehouse", [RELEASE])
    runs = {table: _rounds(table, ["ours", *arguments.peers], out, arguments.rounds) for table in arguments.table}
    print("\n".join(line for table in runs for line in _lines(table, runs[table])))
    return 0


def _published(warehouse: Path) -> Collection[str]:
    """The tables of the release; they need not be made anew when the code that made them has changed."""
    pin = snapshots.newest_snapshots(Warehouse.at(warehouse)).get(RELEASE)
    return pin.table_versions if pin else ()


def _rounds(table: str, contenders: Sequence[str], out: Path, rounds: int) -> dict[str, list[Run]]:
    found: dict[str, list[Run]] = {name: [] for name in contenders}
    for n in range(rounds):
        for name in contenders:
            folder = out / "runs" / table / name
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            measured = measure(module_command(MODULES[name], table, out / "warehouse", folder), folder)
            found[name].append(Run(measured, json.loads((folder / "found.json").read_text())))
            print(f"{table} {n + 1}/{rounds} {name}: {measured.seconds:.1f} s", flush=True)
        _compare(table, {name: runs[-1].found for name, runs in found.items()})
    return found


def _compare(table: str, found: Mapping[str, dict[str, Any]]) -> None:
    """SystemExit when a peer counted anything otherwise than we did, or nothing of it but for the number of rows."""
    ours = found["ours"]
    for name, theirs in found.items():
        if lacking := ours["counts"].keys() - theirs["counts"].keys() - {"table_row_count_to_be_between"}:
            raise SystemExit(f"{table}: {name} does not count {', '.join(sorted(lacking))}")
        if theirs["rows"] != ours["rows"]:
            raise SystemExit(f"{table}: {name} has {theirs['rows']} rows, ours {ours['rows']}")
        for expectation, count in theirs["counts"].items():
            if count != ours["counts"].get(expectation):
                raise SystemExit(
                    f"{table}: {expectation}: {name} counts {count}, ours {ours['counts'].get(expectation)}"
                )


def _lines(table: str, runs: Mapping[str, list[Run]]) -> list[str]:
    ours = runs["ours"]
    found = ours[-1].found
    told = [f"{table}: {found['rows']:,} rows, {len(found['counts'])} promises judged, not asked: {found['not_asked']}"]
    for name, all_of in runs.items():
        seconds = [run.measured.seconds for run in all_of]
        start = statistics.median(run.measured.wall - _whole(run) for run in all_of)
        memory = max(run.measured.memory for run in all_of) / 1e6
        cpu = statistics.median(run.measured.cpu for run in all_of)
        told.append(
            f"  {name:6} {spread_text(seconds):24} s, start {start:5.1f} s, {cpu:6.1f} CPU s in all, {memory:6,.0f} MB, "
            f"{len(all_of[-1].found['counts'])} promises"
        )
        if name != "ours":
            told.append(
                f"         ours over it: {spread_text([a / b for a, b in zip(_seconds(ours), seconds, strict=True)])}"
            )
        if name == "spark":
            whole = [_whole(run) for run in all_of]
            told.append(
                f"         with the queries {spread_text(whole)} s, ours over it: "
                f"{spread_text([a / b for a, b in zip(_seconds(ours), whole, strict=True)])}"
            )
    return told


def _whole(run: Run) -> float:
    """Seconds with the queries, where a contender times them apart."""
    return float(run.measured.seconds + run.found.get("query_seconds", 0.0))


def _seconds(runs: Sequence[Run]) -> list[float]:
    return [run.measured.seconds for run in runs]


if __name__ == "__main__":
    raise SystemExit(main())
