"""usage: python -m bench.ours WORK LANDING OUT: our ingest of a piece of work; prints its costs as JSON.

The tables exist before; Spark's start is told apart. Checksums, checks and publication are part of the work.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from bench.stopwatch import Stopwatch
from bench.work import TAG, WORK
from oilake.conf import settings
from oilake.conf.chosen_files import FileChoice
from oilake.jobs.ingest import ingest
from oilake.jobs.runtime import spark_session
from oilake.jobs.tables import ddl
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import release_registry


def main(name: str, landing: Path, out: Path) -> None:
    for path in landed_paths(name):
        link = out / "landing" / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(landing / path)
    work = WORK[name]
    chosen = replace(
        settings.environment_settings("local"), landing=str(out / "landing"), warehouse=str(out / "warehouse")
    )
    spark = spark_session.start_session(chosen)
    ddl.ensure_tables(lambda: spark, Warehouse.of(chosen))
    release = release_registry.find_release(work.release, str(landing / "registry"))
    stopwatch = Stopwatch()
    summary = ingest(chosen, release, partial=True, choice=FileChoice(tables=tuple(work.plain)))
    print(json.dumps({**stopwatch.costs(), "seconds": summary.seconds}))


def landed_paths(name: str) -> list[str]:
    """The files that the work reads, below the landing area."""
    work = WORK[name]
    lists = [f"classes_{TAG}.tar.gz", "bbox_hierarchy.json"] if name == "release" else []
    plain = [file.path for files in work.plain.values() for file in files]
    return [f"{TAG}/{archive}" for archive in [*work.archives(), *lists]] + plain


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
