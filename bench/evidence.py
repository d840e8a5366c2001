"""usage: python -m bench.evidence [--scale 0.1] [--rounds 3] [--out data/bench]

What counting evidence costs reconcile: V7 with labels and boxes alone, and with masks, relationships and points beside them,
in turn, on one core and without Spark. Prints rows, CPU seconds of each round, and their ratio.
"""

from __future__ import annotations

import shutil
import statistics
import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.options import scaled_parser
from bench.run import make_sample
from bench.tables import chosen_settings
from oilake.conf import reconcile_policy
from oilake.conf.chosen_files import FileChoice
from oilake.conf.settings import Settings
from oilake.jobs.reconciling.label_rows import reconcile_tables
from oilake.jobs.tables.cleanup import discard_staged
from oilake.jobs.tables.slice_files import published_files
from oilake.jobs.tables.snapshots import require_snapshot
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import release_registry
from tests.support import ingest_here

RELEASE = "v7"
PLAIN = ("labels", "boxes")
EVIDENCE = ("masks", "relationships", "points")


def main() -> int:
    parser = scaled_parser("evidence", __doc__)
    arguments = parser.parse_args()
    out = arguments.out.absolute() / f"{arguments.scale:g}"
    tables = ["--releases", RELEASE, "--tables", ",".join((*PLAIN, *EVIDENCE))]
    sample = make_sample(out / "sample-evidence", arguments.scale, tables)
    sides = {name: _ingest_side(sample, out / "runs" / name, chosen) for name, chosen in _side_choices().items()}
    spent: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(arguments.rounds):
        for name, chosen in sides.items():
            spent[name].append(_reconcile_cost(chosen))
    for name, chosen in sides.items():
        print(f"{name}: {_row_counts(chosen)}; CPU s {', '.join(f'{cost:.2f}' for cost in spent[name])}", flush=True)
    plain, counted = (statistics.median(costs) for costs in spent.values())
    print(f"evidence costs {counted - plain:.2f} CPU s, {counted / plain:.2f} times (medians)")
    shutil.rmtree(out / "runs")
    return 0


def _side_choices() -> dict[str, Sequence[str]]:
    return {"labels and boxes": PLAIN, "with evidence": (*PLAIN, *EVIDENCE)}


def _ingest_side(sample: Path, folder: Path, tables: Sequence[str]) -> Settings:
    """The settings of a warehouse with these tables of the release."""
    shutil.rmtree(folder, ignore_errors=True)
    chosen = replace(chosen_settings(folder / "warehouse", sample), registry=str(sample / "registry"))
    ingest_here.publish_release(chosen, RELEASE, FileChoice(tables=tuple(tables)), partial=True)
    return chosen


def _reconcile_cost(chosen: Settings) -> float:
    """CPU seconds of one reconcile, whose rows are staged and not published."""
    warehouse, release = Warehouse.of(chosen), release_registry.find_release(RELEASE, chosen.registry)
    snapshot, run = require_snapshot(warehouse, RELEASE), uuid.uuid4().hex[:16]
    started = time.process_time()
    with ingest_here.in_this_process():
        reconcile_tables(ingest_here.ONE_CORE, warehouse, release, snapshot, reconcile_policy.load_policy(), run, None)
    spent = time.process_time() - started
    discard_staged(warehouse, run, ["image_labels"])
    return spent


def _row_counts(chosen: Settings) -> str:
    warehouse = Warehouse.of(chosen)
    snapshot = require_snapshot(warehouse, RELEASE)
    counts = {
        table: sum(file.rows for file in published_files(warehouse, table, snapshot)) for table in (*PLAIN, *EVIDENCE)
    }
    return ", ".join(f"{table} {rows:,}" for table, rows in counts.items() if rows)


if __name__ == "__main__":
    raise SystemExit(main())
