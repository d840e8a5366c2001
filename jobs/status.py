"""Tells how the warehouse fares: published, checked, stale, withdrawn, the last runs, storage, what maintain frees."""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from typing import Any

from oilake.conf import bounded_json
from oilake.jobs.maintaining import upkeep
from oilake.jobs.maintaining.upkeep import Upkeep
from oilake.jobs.operations import status_text, warehouse_status
from oilake.jobs.operations.warehouse_status import WarehouseStatus
from oilake.jobs.runtime import options, run_events
from oilake.jobs.runtime.printing import print_text
from oilake.jobs.tables.warehouse import Warehouse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_places(parser, "warehouse", "landing")
    parser.add_argument("--json", action="store_true", help="print the status as JSON")
    options.add_metrics(parser)


def run(arguments: argparse.Namespace) -> int:
    """1 when files of a published release are gone, or a critical promise of it is broken, else 0."""
    run_events.tell(run_events.OnlyRead())
    settings = options.load_settings(arguments)
    storage = upkeep.maintain(settings, (), upkeep.HOURS, is_dry=True)
    status = warehouse_status.read_status(replace(Warehouse.of(settings), states={}))
    print_text(
        bounded_json.strict_json(_as_json(status, storage))
        if arguments.json
        else status_text.status_text(status, storage)
    )
    return int(bool(storage.lost) or status.is_broken)


def _as_json(status: WarehouseStatus, storage: Upkeep) -> dict[str, Any]:
    return asdict(status) | {
        "storage": {name: asdict(use) for name, use in storage.storage.items()},
        "maintain": [asdict(task) for task in storage.tasks if task.is_change],
        "freed_bytes": storage.freed_bytes(),
        "unfinished": storage.waiting,
        "gone": storage.lost,
    }


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("status", __doc__, add_arguments, run))
