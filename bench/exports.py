"""usage: python -m bench.exports [--scale 0.1] [--rounds 3] [--format coco …] [--out data/bench]

Exports of V7's boxable images in turn with what a user would run on the published CSV: a script of dicts, as
openimages2coco is, or the format's own library in an environment of its own. Each is a command, measured from its start to
its end; what both count must be equal.
"""

from __future__ import annotations

import csv
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from bench import published_rows
from bench.measure import Measured, measure, module_command, spread_text
from bench.options import scaled_parser
from bench.ours_export import WAREHOUSE
from bench.peer_environment import peer_python
from bench.tables import prepare
from oilake.conf.chosen_files import FileChoice
from oilake.jobs import cli

DICTS, LIBRARIES = "bench.dict_exports", "bench.library_exports"
PEERS = {"coco": DICTS, "yolo": DICTS, "official": DICTS, "tfrecord": LIBRARIES, "huggingface": LIBRARIES}
REQUIREMENTS = ("datasets==5.2.0", "tfrecord==1.14.6")
TABLES = "images,labels,boxes,classes,hierarchy"
LANDSCAPE, PORTRAIT = (1024, 768), (768, 1024)

# Files that hold the same lines, in any order; authors and titles are spelled in several ways.
SAME_LINES = {"yolo": ("validation.txt",), "official": tuple(published_rows.BOXES.values())}

Rounds = dict[str, list[Measured]]


def main() -> int:
    parser = scaled_parser("bench.exports", __doc__)
    parser.add_argument("--format", nargs="+", choices=list(PEERS), default=list(PEERS))
    arguments = parser.parse_args()
    out = arguments.out.absolute() / f"{arguments.scale:g}" / "exports"
    landing = _prepared_landing(out, arguments.scale)
    libraries = (
        str(peer_python(out / "libraries", *REQUIREMENTS)) if LIBRARIES in _format_peers(arguments.format) else ""
    )
    print("format       who     seconds (spread)      CPU s (spread)        peak MB   ours over theirs: seconds, CPU s")
    for name in arguments.format:
        for line in _format_lines(name, _run_rounds(name, landing, out / "runs", arguments.rounds, libraries)):
            print(line, flush=True)
    return 0


def _format_peers(formats: list[str]) -> set[str]:
    return {PEERS[name] for name in formats}


def _prepared_landing(out: Path, scale: float) -> Path:
    """The sample of V7 with the sides of its boxable images, and beside it the warehouse made of it."""
    landing = out / "sample"
    if not (landing / "registry").is_dir():
        cli.main(["sample", "--out", str(landing), "--scale", str(scale), "--releases", "v7", "--tables", TABLES])
    if not (landing / published_rows.SIZES).is_file():
        _write_sizes(landing)
    prepare(landing, out / WAREHOUSE, ("v7",), FileChoice(tuple(TABLES.split(","))))
    return landing


def _write_sizes(landing: Path) -> None:
    with (landing / published_rows.SIZES).open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("image_id", "width", "height"))
        for name in published_rows.IMAGES.values():
            for row in published_rows.read_rows(landing / name)[1]:
                writer.writerow((row[0], *(PORTRAIT if row[0][-1] in "0123" else LANDSCAPE)))


def _run_rounds(name: str, landing: Path, runs: Path, count: int, libraries: str) -> Rounds:
    contenders = {"ours": ("bench.ours_export", sys.executable), "theirs": (PEERS[name], sys.executable)}
    if PEERS[name] == LIBRARIES:
        contenders["theirs"] = LIBRARIES, libraries
    results: Rounds = {who: [] for who in contenders}
    for _ in range(count):
        for who, (module, python) in contenders.items():
            shutil.rmtree(runs / who, ignore_errors=True)
            (runs / who).mkdir(parents=True)
            results[who].append(measure(module_command(module, name, landing, runs / who, python), runs / who))
        _require_equal(name, results, runs)
    shutil.rmtree(runs)
    return results


def _require_equal(name: str, results: Rounds, runs: Path) -> None:
    """SystemExit where the last runs did not write the same."""
    ours, theirs = (results[who][-1].counts for who in ("ours", "theirs"))
    shared = ours.keys() & theirs.keys() - {"seconds", "cpu"}
    if any(ours[noun] != theirs[noun] for noun in shared):
        raise SystemExit(f"{name}: ours counts {ours}, theirs {theirs}")
    for path in SAME_LINES.get(name, ()):
        both = [sorted((runs / who / path).read_bytes().splitlines()) for who in ("ours/export", "theirs")]
        if both[0] != both[1]:
            raise SystemExit(f"{name}: {path} has other lines in ours than in theirs")


def _format_lines(name: str, results: Rounds) -> list[str]:
    wall = _ratio_text(results, lambda run: run.wall)
    cpu = _ratio_text(results, lambda run: run.cpu)
    ratios = f"{wall}, {cpu}; load {os.getloadavg()[0]:.1f}"
    return [
        f"{name:<13}{who:<8}{spread_text([run.wall for run in runs]):<22}{spread_text([run.cpu for run in runs]):<22}"
        f"{max(run.memory for run in runs) / 1e6:7,.0f}   {ratios * (who == 'ours')}"
        for who, runs in results.items()
    ]


def _ratio_text(results: Rounds, cost: Callable[[Measured], float]) -> str:
    return spread_text([cost(ours) / cost(theirs) for ours, theirs in zip(*results.values(), strict=True)])


if __name__ == "__main__":
    raise SystemExit(main())
