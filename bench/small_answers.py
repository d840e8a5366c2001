"""usage: python -m bench.small_answers --warehouse DIR [--landing DIR] [--rounds 5] [--answers show …]

What a person waits for a small answer: our command beside a script with deltalake and DuckDB, each started as a command, in
turn on the same warehouse. Prints seconds and CPU seconds, ours over theirs round by round, and the load of the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.measure import CommandCost, measure_command, spread_text
from bench.options import OILAKE
from bench.small_peer import ANSWERS

COMMANDS = {
    "show": "show labels --limit 3",
    "history": "history --image IMAGE",
    "quarantine": "quarantine summary",
    "releases": "releases",
    "figures": "figures --release v3",
    "check": "check labels",
    "status": "status",
    "version": "--version",
    "help": "--help",
}
LEAST_ROUNDS = 3


@dataclass(frozen=True)
class AnswerRuns:
    """What one answer cost, a run a round, by us and by hand."""

    ours: list[CommandCost]
    theirs: list[CommandCost]


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.small_answers", description=__doc__)
    parser.add_argument("--warehouse", type=Path, required=True, help="published tables; a copy of them is read")
    parser.add_argument("--landing", type=Path, help="the release files that they were made of, with their registry")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--answers", nargs="+", choices=list(ANSWERS), default=list(ANSWERS))
    arguments = parser.parse_args()
    if arguments.rounds < LEAST_ROUNDS:
        parser.error(f"--rounds: a median wants at least {LEAST_ROUNDS}")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package is compiled once, and not at each call
    with tempfile.TemporaryDirectory(prefix="oilake-bench-") as folder:
        warehouse = Path(folder) / "warehouse"
        shutil.copytree(arguments.warehouse, warehouse)
        environment = _peer_environment(warehouse, arguments.landing)
        image = _first_image(environment)
        print(_title_line(), flush=True)
        for answer in arguments.answers:
            runs = _answer_runs(answer, warehouse, image, environment, arguments.rounds)
            print(_answer_line(answer, runs), flush=True)
    return 0


def _peer_environment(warehouse: Path, landing: Path | None) -> dict[str, str]:
    places = {"OILAKE_WAREHOUSE": str(warehouse)}
    if landing:
        places |= {"OILAKE_LANDING": str(landing.absolute()), "OILAKE_REGISTRY": str(landing.absolute() / "registry")}
    return os.environ | places


def _first_image(environment: dict[str, str]) -> str:
    printed = measure_command([OILAKE, "show", "image_labels", "--limit", "1", "--json"], environment).output
    return str(json.loads(printed)["image_id"])


def _answer_runs(answer: str, warehouse: Path, image: str, environment: dict[str, str], rounds: int) -> AnswerRuns:
    """The runs in turn, after one of each that nobody counts: a check asked again finds the record of the first."""
    ours = [OILAKE, *COMMANDS[answer].replace("IMAGE", image).split()]
    theirs = [sys.executable, "-m", "bench.small_peer", answer, str(warehouse), image]
    runs = AnswerRuns([], [])
    for _ in range(rounds + 1):
        runs.ours.append(measure_command(ours, environment))
        runs.theirs.append(measure_command(theirs))
    return AnswerRuns(runs.ours[1:], runs.theirs[1:])


def _title_line() -> str:
    return (
        f"{'answer':<24}{'ours, s':<20}{'by hand, s':<20}{'ratio':<20}{'ours, CPU s':<20}{'by hand, CPU s':<20}"
        f"{'ratio':<20}load"
    )


def _answer_line(answer: str, runs: AnswerRuns) -> str:
    cells = [COMMANDS[answer].ljust(24)]
    for cost in (lambda run: run.wall, lambda run: run.cpu):
        cells += [spread_text([cost(run) for run in part]).ljust(20) for part in (runs.ours, runs.theirs)]
        cells.append(spread_text(_peer_ratios(runs, cost)).ljust(20))
    return "".join(cells) + f"{os.getloadavg()[0]:.1f}"


def _peer_ratios(runs: AnswerRuns, cost: Callable[[CommandCost], float]) -> list[float]:
    """Ours over theirs, round by round."""
    return [cost(ours) / cost(theirs) for ours, theirs in zip(runs.ours, runs.theirs, strict=True)]


if __name__ == "__main__":
    raise SystemExit(main())
