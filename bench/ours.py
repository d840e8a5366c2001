"""usage: python -m bench.ours WORK LANDING OUT: our ingest of a piece of work; prints its costs as JSON.

The environment is `local` unless OILAKE_ENV names another. The tables exist and Spark runs with its workers before.
Checksums, checks and publication are part of the work. `driver_memory`: the most that this process held, in bytes.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from bench.our_command import link_landing
from bench.stopwatch import Stopwatch, peak_bytes
from bench.work import WORK
from oilake.conf import settings
from oilake.conf.chosen_files import FileChoice
from oilake.jobs.ingest import ingest
from oilake.jobs.pipeline.start import open_session
from oilake.schemas import release_registry


def main(name: str, landing: Path, out: Path) -> None:
    link_landing(name, landing, out / "landing")
    work = WORK[name]
    chosen = replace(settings.environment_settings(), landing=str(out / "landing"), warehouse=str(out / "warehouse"))
    open_session(chosen)
    release = release_registry.find_release(work.release, str(landing / "registry"))
    stopwatch = Stopwatch()
    summary = ingest(chosen, release, partial=True, choice=FileChoice(tables=tuple(work.plain)))
    costs = {**stopwatch.costs(), "seconds": summary.seconds, "rows": summary.totals["rows_kept"]}
    print(json.dumps({**costs, "driver_memory": peak_bytes("self")}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
