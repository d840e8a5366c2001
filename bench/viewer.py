"""usage: python -m bench.viewer [--scale 0.1] [--warehouse PLACE] [--release v3] [--calls 15] [--out data/bench]

`oilake view` and `oilake report` over one release as processes of their own: milliseconds of pages that were not asked for
before, CPU of the server, peak memory of both. Without --warehouse a sample of the scale is made, ingested, reconciled and
indexed once.
"""

from __future__ import annotations

import argparse
import http.client
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import psutil

from bench.tables import chosen_settings, prepare
from oilake.jobs import cli
from oilake.jobs.index import index_classes
from oilake.jobs.surveying.aggregate import Row, aggregate_rows
from oilake.jobs.surveying.locked_engine import LockedEngine
from oilake.jobs.surveying.pinned_view import PinnedView
from oilake.jobs.tables.warehouse import Warehouse

TYPED = ("d", "do", "dog", "per", "pers", "person", "ca", "car", "tree", "flo", "flow", "flower", "m/0", "b", "bo")


@dataclass(frozen=True)
class Answers:
    """Milliseconds of calls, and the CPU milliseconds that the server took for each."""

    title: str
    walls: list[float]
    cpus: list[float]

    def as_text(self) -> str:
        """One line of figures."""
        median, most = statistics.median(self.walls), max(self.walls)
        return f"{self.title:34} {median:7.0f} ms (most {most:.0f}), CPU {statistics.median(self.cpus):.0f} ms"


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.viewer", description=__doc__)
    parser.add_argument("--scale", type=float, default=0.1)
    parser.add_argument("--warehouse", type=Path)
    parser.add_argument("--release", default="v3")
    parser.add_argument("--calls", type=int, default=15)
    parser.add_argument("--out", type=Path, default=Path("data/bench"))
    arguments = parser.parse_args()
    out = arguments.out.absolute() / f"{arguments.scale:g}"
    warehouse = arguments.warehouse or make_warehouse(out, arguments.scale, arguments.release)
    print(report_line(warehouse, out / "report"), flush=True)
    with open_viewer(warehouse) as (process, address):
        for asked in list_addresses(warehouse, arguments.release, arguments.calls):
            print(time_answers(process, address, *asked).as_text(), flush=True)
        print(f"memory of the viewer: {peak_memory(process.pid) / 1e6:,.0f} MB at most")
    return 0


def make_warehouse(out: Path, scale: float, release: str) -> Path:
    """The tables of a sample of one release; what is there already stays."""
    if not (out / "sample" / "registry").is_dir():
        cli.main(["sample", "--out", str(out / "sample"), "--scale", str(scale), "--releases", release])
    prepare(out / "sample", out / "warehouse", [release])
    index_classes(chosen_settings(out / "warehouse", out / "sample"), release)
    return out / "warehouse"


def report_line(warehouse: Path, folder: Path) -> str:
    """What the report costs: seconds, CPU seconds, peak resident memory."""
    shutil.rmtree(folder, ignore_errors=True)
    started = time.monotonic()
    command = [sys.executable, "-m", "oilake.jobs.report", "--warehouse", str(warehouse), "--out", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    costs = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds, cpu = time.monotonic() - started, costs.ru_utime + costs.ru_stime
    return f"report: {seconds:.1f} s, CPU {cpu:.1f} s, {costs.ru_maxrss / 1e3:,.0f} MB at most"


@contextmanager
def open_viewer(warehouse: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A viewer's process and where it answers; it is interrupted with the block."""
    command = [sys.executable, "-u", "-m", "oilake.jobs.view", "--warehouse", str(warehouse), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, urlsplit(process.stdout.readline().removeprefix("Viewer: ").strip()).netloc
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def list_addresses(warehouse: Path, release: str, calls: int) -> Iterator[tuple[str, list[str]]]:
    """What is asked for, by a title: the first call of each is not counted, and no two calls ask for the same page but of
    the first one."""
    classes = count_classes(warehouse, release)
    spread = [classes[len(classes) * n // (calls + 1)] for n in range(1, calls + 1)]
    images = image_ids(warehouse, release, spread)
    largest = classes[0]["mid"]
    steps = [f"{step * (1 << 64) // (calls + 1):016x}" for step in range(1, calls + 1)]
    yield "first page", ["/"] * (calls + 1)
    yield "search while typing", [of_release("/classes", release, q=text, part="1") for text in ("x", *TYPED)]
    yield "a page of a class", [of_release("/browse", release, mid=row["mid"]) for row in (classes[1], *spread)]
    title = f"pages of the largest ({classes[0]['labels']:,})"
    yield title, [of_release("/browse", release, mid=largest, after=after) for after in ("0", *steps)]
    yield "a page of all images", [of_release("/browse", release, after=after) for after in ("0", *steps)]
    yield "an image", [of_release(f"/image/{image_id}", release) for image_id in images]


def of_release(path: str, release: str, **query: str) -> str:
    """An address in one release."""
    return f"{path}?{urlencode({'release': release} | query)}"


def count_classes(warehouse: Path, release: str) -> list[Row]:
    """mid and labels of the release's classes, the most frequent first."""
    place = Warehouse.at(str(warehouse))
    view = PinnedView(LockedEngine(place), place)
    return aggregate_rows(
        view, "class_images", release, "mid, count(*) AS labels", "GROUP BY mid ORDER BY labels DESC, mid"
    )


def image_ids(warehouse: Path, release: str, classes: Sequence[Row]) -> list[str]:
    """An image of each class, and one before."""
    place = Warehouse.at(str(warehouse))
    view = PinnedView(LockedEngine(place), place)
    mids = ", ".join(f"'{row['mid']}'" for row in classes)
    rows = aggregate_rows(
        view, "class_images", release, "mid, max(image_id) AS last, min(image_id) AS first",
        f"WHERE mid IN ({mids}) GROUP BY mid ORDER BY mid",
    )  # fmt: skip
    return list(dict.fromkeys([rows[0]["first"], *(row["last"] for row in rows)]))


def time_answers(process: subprocess.Popen[str], address: str, title: str, paths: Sequence[str]) -> Answers:
    """The time of each call but the first, over one connection; SystemExit where one is not answered well."""
    connection = http.client.HTTPConnection(address, timeout=120)
    answers, server = Answers(title, [], []), psutil.Process(process.pid)
    for path in paths:
        spent, started = sum(server.cpu_times()[:2]), time.monotonic()
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        answers.walls.append(1e3 * (time.monotonic() - started))
        answers.cpus.append(1e3 * (sum(server.cpu_times()[:2]) - spent))
        if answer.status != http.HTTPStatus.OK:
            raise SystemExit(f"{path}: {answer.status} {body[-500:]!r}")
    connection.close()
    return Answers(title, answers.walls[1:], answers.cpus[1:])


def peak_memory(pid: int) -> int:
    """The most bytes that a process had resident."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) * 1024


if __name__ == "__main__":
    raise SystemExit(main())
