"""usage: python -m bench.kernel_profile WORK LANDING [--picture FILE.svg]: where the CPU seconds of our tasks go.

Every archive of the work (V3) is read in this process, without Spark, under Python's profiler with the CPU's clock; what a
step calls counts for it. Prints a table, and draws it.
"""

from __future__ import annotations

import argparse
import cProfile
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from bench.plot import draw_bars
from bench.tables import chosen_settings
from bench.work import TAG, WORK
from oilake.jobs.ingesting import landing_area
from oilake.jobs.ingesting.chunk_kernel import IngestContext, ingest_split
from oilake.jobs.sources.splits import Split
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas.release_registry import find_release


@dataclass(frozen=True)
class Step:
    """A step of the kernel: the functions that do it, as (file, name), and the steps that they call, which count apart."""

    title: str
    functions: tuple[tuple[str, str], ...]
    apart: tuple[str, ...] = ()


STEPS = (
    Step("inflate, read", (("tar_stream.py", "read"), ("splits.py", "read"))),
    Step("cut records", (("csv_records.py", "read_blocks"),), ("inflate, read",)),
    Step("parse CSV", (("csv_parser.py", "parse_block"),)),
    Step("normalize", (("chunk_kernel.py", "_normalize"),)),
    Step("judge rows", (("row_filter.py", "filter_rows"),)),
    Step("order and IDs", (("chunk_kernel.py", "_note_order"),)),
    Step("Parquet", (("staging.py", "write"), ("staging.py", "close"))),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.kernel_profile", description=__doc__)
    parser.add_argument("work", choices=[name for name, work in WORK.items() if work.starts_at == "archives"])
    parser.add_argument("landing", type=Path)
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    seconds = step_seconds(arguments.work, arguments.landing)
    for title, spent in seconds.items():
        print(f"{title:<16}{spent:7.2f} CPU s {100 * spent / sum(seconds.values()):5.0f} %")
    if arguments.picture:
        arguments.picture.write_text(draw_bars(f"{arguments.work} of V3: CPU seconds of the tasks", seconds, "s"))


def step_seconds(work: str, landing: Path) -> dict[str, float]:
    """CPU seconds by step, and `the rest`."""
    profile = cProfile.Profile(time.process_time)
    with tempfile.TemporaryDirectory(prefix="oilake-bench-") as folder:
        chosen = chosen_settings(Path(folder), landing)
        release = find_release(WORK[work].release)
        limits = chosen.limits
        wanted = landing_area.members_by_file(release)
        context = IngestContext(release, Warehouse.of(chosen), "run", wanted, limits.block_bytes, limits.field_bytes)
        pa.set_cpu_count(1)
        for archive in WORK[work].archives():
            split = Split(archive, str(landing / TAG / archive), "tar.gz", limits.chunk_bytes)
            profile.runcall(lambda split=split: list(ingest_split(split, context)))
    return _by_step(profile)


def _by_step(profile: cProfile.Profile) -> dict[str, float]:
    totals = {
        (Path(entry.code.co_filename).name, entry.code.co_name): entry.totaltime
        for entry in profile.getstats()
        if not isinstance(entry.code, str)
    }
    whole = max(totals.values())
    gross = {step.title: sum(totals.get(function, 0.0) for function in step.functions) for step in STEPS}
    net = {step.title: gross[step.title] - sum(gross[title] for title in step.apart) for step in STEPS}
    return net | {"the rest": whole - sum(net.values())}


if __name__ == "__main__":
    main()
