"""The command `oilake`: one subcommand a job."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from importlib.metadata import version

from jobs import command

JOBS = (
    "run",
    "fetch",
    "ingest",
    "quarantine",
    "verify",
    "reconcile",
    "changes",
    "history",
    "duplicates",
    "figures",
    "expand",
    "check",
    "propose",
    "docs",
    "maintain",
    "download",
    "show",
    "releases",
    "sample",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one job; the exit code: 0 done, 1 data breaks a promise, 2 called wrongly or the input is unusable."""
    parser = argparse.ArgumentParser(prog="oilake", description="The Open Images lakehouse: releases to Delta tables.")
    parser.add_argument("--version", action="version", version=f"oilake {version('open-images-lakehouse')}")
    jobs = parser.add_subparsers(dest="job", metavar="JOB", required=True)
    for name in JOBS:
        module = importlib.import_module(f"jobs.{name}")
        text = (module.__doc__ or "").strip()
        job = jobs.add_parser(name, help=text, description=text)
        module.add_arguments(job)
        job.set_defaults(run=module.run)
    arguments = parser.parse_args(argv)
    return command.guard(arguments.run, arguments)


if __name__ == "__main__":
    sys.exit(main())
