"""The command `oilake`: one subcommand a job, whose module is imported when it is called."""

from __future__ import annotations

import argparse
import importlib
import re
import sys
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from oilake.jobs.runtime import command_end

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
# What commands do without until they start Spark or judge by Great Expectations, which reveals it.
DISPENSABLE = {
    **dict.fromkeys(("quarantine", "history", "show", "releases"), ("numpy", "pandas")),
    **dict.fromkeys(
        (
            "run", "ingest", "verify", "reconcile", "contradictions", "changes", "duplicates", "figures", "expand", "index",
            "check", "view", "maintain", "status", "download", "export", "card",
        ),
        ("pandas",),
    ),
}  # fmt: skip
WRITING_ACTION = "release"
DOCSTRING = re.compile(r'"""(.*?)"""', re.DOTALL)
COMPLETION = "--print-completion"


class PrintVersion(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *unused: Any) -> None:
        from importlib.metadata import version

        print(f"oilake {version('open-images-lakehouse')}")
        parser.exit()


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one job; the exit code: 0 done, 1 data breaks a promise, 2 called wrongly or the input is unusable.

    Without `argv` the process is the command, and ends with it.
    """
    if argv is not None:
        return _run_job(argv)
    return command_end.run_command(lambda: _run_job(sys.argv[1:], owns_process=True))


def _run_job(words: Sequence[str], owns_process: bool = False) -> int:
    from oilake.jobs.operations import watched_job  # while the interrupt of a person ends the process in a sentence
    from oilake.jobs.runtime import hidden_modules

    if owns_process and WRITING_ACTION not in words:
        hidden_modules.hide_modules(*DISPENSABLE.get(next(iter(words), ""), ()))
    arguments = _parse_words(words)
    command_end.begin_job()
    return watched_job.run_watched(arguments.job, arguments.run, arguments)


def _parse_words(words: Sequence[str]) -> argparse.Namespace:
    """The flags of the job that is called, whose module alone is imported; where it stands first, others have no parser."""
    from oilake.jobs.runtime import entrypoint

    first = next((word for word in words if not word.startswith("-")), None)
    called = JOBS if COMPLETION in words else (first,)
    parser = entrypoint.new_parser("oilake", "The Open Images lakehouse: releases to Delta tables.")
    parser.add_argument("--version", action=PrintVersion, nargs=0, help="print the version")
    if COMPLETION in words:
        import shtab

        shtab.add_argument_to(parser, COMPLETION)
    else:
        parser.add_argument(COMPLETION, metavar="SHELL", help="print a completion script for bash, zsh, tcsh or fish")
    jobs = parser.add_subparsers(dest="job", metavar="JOB", required=True, prog=parser.prog)
    for name in words[:1] if set(words[:1]) <= set(JOBS) and COMPLETION not in words else JOBS:
        summary = _job_summary(name)
        job = jobs.add_parser(name, help=summary, description=summary, formatter_class=parser.formatter_class)
        if name in called:
            module = importlib.import_module(f"oilake.jobs.{name}")
            module.add_arguments(job)
            job.set_defaults(run=module.run)
    arguments, unknown = parser.parse_known_args(words)
    if unknown:
        jobs.choices[arguments.job].error(f"unrecognized arguments: {' '.join(unknown)}")
    return arguments


def _job_summary(job: str) -> str:
    """The docstring of a job's module, read without importing it."""
    match = DOCSTRING.match(files("oilake.jobs").joinpath(f"{job}.py").read_text(encoding="utf-8"))
    return " ".join(match[1].split()) if match else ""


if __name__ == "__main__":
    sys.exit(main())
