"""usage: python -m bench.ours WORK LANDING OUT: our ingest of a piece of work; prints its seconds as JSON.

The tables exist before; Spark's start is told apart. Checksums, checks and publication are part of the work.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from bench.work import TAG, WORK
from oilake.conf import registry, settings
from oilake.jobs.ingest import ingest
from oilake.jobs.runtime import spark_session
from oilake.jobs.tables import ddl
from oilake.jobs.tables.warehouse import Warehouse


def main(name: str, landing: Path, out: Path) -> None:
    mine = out / "landing"
    (mine / TAG).mkdir(parents=True)
    lists = [f"classes_{TAG}.tar.gz", "bbox_hierarchy.json"] if name == "release" else []
    for archive in [*WORK[name].archives(), *lists]:
        (mine / TAG / archive).symlink_to(landing / TAG / archive)
    chosen = replace(settings.environment_settings("local"), landing=str(mine), warehouse=str(out / "warehouse"))
    ddl.ensure_tables(spark_session.start_session(chosen), Warehouse.at(chosen.warehouse))
    summary = ingest(chosen, registry.find_release("v3", str(landing / "registry")), partial=True)
    print(json.dumps({"seconds": summary.seconds}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
