"""The command `oilake`: one subcommand a job, whose module is imported when it is called."""

from __future__ import annotations

import argparse
import importlib
import re
import sys
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from oilake.jobs.operations import watched_job
from oilake.jobs.runtime import entrypoint, without_pandas

JOBS = (
    "run",
    "fetch",
    "ingest",
    "quarantine",
    "verify",
    "reconcile",
    "contradictions",
    "changes",
    "history",
    "duplicates",
    "figures",
    "expand",
    "index",
    "check",
    "propose",
    "docs",
    "report",
    "view",
    "evaluate",
    "maintain",
    "status",
    "download",
    "export",
    "card",
    "contract",
    "show",
    "releases",
    "sample",
    "setup",
)
READERS = ("show", "history", "releases")
DOCSTRING = re.compile(r'"""(.*?)"""', re.DOTALL)
COMPLETION = "--print-completion"


class PrintVersion(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *unused: Any) -> None:
        from importlib.metadata import version

        print(f"oilake {version('open-images-lakehouse')}")
        parser.exit()


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one job; the exit code: 0 done, 1 data breaks a promise, 2 called wrongly or the input is unusable."""
    words = list(sys.argv[1:] if argv is None else argv)
    first = next((word for word in words if not word.startswith("-")), None)
    called = JOBS if COMPLETION in words else (first,)
    parser = entrypoint.new_parser("oilake", "The Open Images lakehouse: releases to Delta tables.")
    parser.add_argument("--version", action=PrintVersion, nargs=0, help="print the version")
    if COMPLETION in words:
        import shtab

        shtab.add_argument_to(parser, COMPLETION)
    else:
        parser.add_argument(COMPLETION, metavar="SHELL", help="print a completion script for bash, zsh, tcsh or fish")
    jobs = parser.add_subparsers(dest="job", metavar="JOB", required=True)
    for name in JOBS:
        summary = _job_summary(name)
        job = jobs.add_parser(name, help=summary, description=summary, formatter_class=parser.formatter_class)
        if name in called:
            module = importlib.import_module(f"oilake.jobs.{name}")
            module.add_arguments(job)
            job.set_defaults(run=module.run)
    arguments = parser.parse_args(words)
    if argv is None and arguments.job in READERS:
        without_pandas.hide_pandas()
    return watched_job.run_watched(arguments.job, arguments.run, arguments)


def _job_summary(job: str) -> str:
    """The docstring of a job's module, read without importing it."""
    match = DOCSTRING.match(files("oilake.jobs").joinpath(f"{job}.py").read_text(encoding="utf-8"))
    return " ".join(match[1].split()) if match else ""


if __name__ == "__main__":
    sys.exit(main())
