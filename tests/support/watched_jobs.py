"""Jobs of a test's own, called as the command calls its jobs."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from oilake.jobs.operations import watched_job
from oilake.jobs.runtime import options


def call_job(lake: str, work: Callable[[], int | None], *flags: str, release: str = "v3") -> int:
    """Calls `work` as the job `ingest` of a release on a warehouse; its exit code, 0 where it gives none."""

    def add_arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--release")
        options.add_places(parser, "warehouse")
        options.add_metrics(parser)

    def run(arguments: argparse.Namespace) -> int:
        options.load_settings(arguments)
        return work() or 0

    return watched_job.main("ingest", "", add_arguments, run, ["--release", release, "--warehouse", lake, *flags])
