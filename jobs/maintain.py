"""Keeps the tables small and quick: small files brought together, what no snapshot needs deleted, logs shortened."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from oilake.conf.errors import ConfigError
from oilake.jobs.maintaining import upkeep
from oilake.jobs.maintaining.upkeep import HOURS, Upkeep
from oilake.jobs.runtime import options, run_events
from oilake.jobs.runtime.printing import print_text
from oilake.schemas import loader as schemas


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tables", nargs="*", metavar="TABLE", help="only these tables (default: all of the warehouse)")
    parser.add_argument("--dry-run", action="store_true", help="change nothing; list what would be done, file by file")
    parser.add_argument(
        "--retention",
        type=float,
        default=HOURS,
        metavar="HOURS",
        help=f"keep what was replaced in the last HOURS (default: {HOURS}); 0 only while nothing else runs",
    )
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    options.add_places(parser, "warehouse", "landing")
    options.add_metrics(parser)


def run(arguments: argparse.Namespace) -> int:
    """1 when files of a published release are gone, else 0."""
    if not 0 <= arguments.retention < float("inf"):
        raise ConfigError(f"--retention must be 0 hours or more, not {arguments.retention}")
    if unknown := [name for name in arguments.tables if name not in schemas.table_names()]:
        raise ConfigError(f"no such table: {', '.join(unknown)}; there are {', '.join(schemas.table_names())}")
    if arguments.dry_run:
        run_events.tell(run_events.OnlyRead())
    settings = options.load_settings(arguments)
    done = upkeep.maintain(settings, arguments.tables, arguments.retention, arguments.dry_run)
    print_text(json.dumps(asdict(done)) if arguments.json else as_text(done))
    return 1 if done.lost else 0


def as_text(done: Upkeep) -> str:
    """What was done, or would be, as lines for a person; of a dry run with every file."""
    lines = [f"would finish a publication that {run} began" for run in done.waiting]
    for task in done.tasks:
        size = f", {task.bytes:,} bytes" if task.files else ""
        count = f"{len(task.files):,} file{'' if len(task.files) == 1 else 's'}{size}: " if task.files else ""
        lines.append(
            f"{task.table}: {'would be ' if done.is_dry and task.is_change else ''}{task.what}: {count}{task.why}"
        )
        if done.is_dry:
            lines += [f"  {file.path} ({file.bytes:,} bytes)" for file in task.files]
    lines += [f"gone: {sentence}" for sentence in done.lost]
    if not done.waiting and not any(task.is_change for task in done.tasks):
        lines.append("nothing to do" if not done.lost else "nothing else to do")
    return "\n".join(lines)


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("maintain", __doc__, add_arguments, run))
