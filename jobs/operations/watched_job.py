"""How every job is called: its errors are told, and what became of a run that may write tables is kept.

The record is made after the job has ended and never changes how it ends: what fails here is one warning.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from oilake.jobs.operations import run_record
from oilake.jobs.operations.lineage_sender import LineageSender, is_configured
from oilake.jobs.operations.run_record import RunRecord
from oilake.jobs.runtime import command_end, entrypoint, process_memory, run_events
from oilake.jobs.runtime.entrypoint import RunFunction
from oilake.jobs.runtime.logs import LOGGER
from oilake.jobs.runtime.run_events import RunEvent, SettingsLoaded

if TYPE_CHECKING:
    from oilake.conf.settings import Settings

AddArguments = Callable[[argparse.ArgumentParser], None]


def main(name: str, doc: str, add_arguments: AddArguments, run: RunFunction, argv: Sequence[str] | None = None) -> int:
    """One job called by itself (`spark-submit jobs/<name>.py …`); the exit code."""

    def run_job() -> int:
        parser = entrypoint.new_parser(name, doc)
        add_arguments(parser)
        arguments = parser.parse_args(argv)
        command_end.begin_job()
        return run_watched(name, run, arguments)

    return run_job() if argv is not None else command_end.run_command(run_job)


def run_watched(job: str, run: RunFunction, arguments: argparse.Namespace) -> int:
    """`run`, whose errors are told in one sentence; a job that took `options.add_metrics` is recorded. The exit code."""
    if not hasattr(arguments, "metrics"):
        return entrypoint.run_guarded(run, arguments)
    watch = RunWatch(run_record.begin_record(job, arguments))
    memory = process_memory.TreeMemory().start()
    try:
        with run_events.listening(watch.hear):
            watch.record.end(entrypoint.run_guarded(run, arguments))
    except Exception as error:
        watch.record.message = f"{type(error).__name__}: {error}"
        watch.record.end(run_record.CRASHED, "crashed")
        raise
    finally:
        watch.record.peak_memory = memory.stop()
        if watch.record.outcome and watch.record.settings:
            watch.keep(watch.record.settings, arguments.metrics or watch.record.settings.metrics)
    return watch.record.exit_code


@dataclass
class RunWatch:
    """One run as it is watched. `lineage`: where its events go; None where nobody wants to hear of it."""

    record: RunRecord
    lineage: LineageSender | None = None

    def hear(self, event: RunEvent) -> None:
        """Notes what the job tells; once it has its settings, lineage begins."""
        self.record.hear(event)
        if isinstance(event, SettingsLoaded) and not self.record.only_reads and is_configured(event.settings.lineage):
            _warn_of_failure("no lineage is sent", self._begin_lineage)

    def keep(self, settings: Settings, metrics: str | None) -> None:
        """Keeps what is known of the run, which has ended: in the table and, where they are asked for, in metrics and
        lineage."""
        from oilake.jobs.operations import job_runs, run_metrics  # with Delta, which a job called wrongly does without

        if not self.record.only_reads:
            keep_run = partial(job_runs.append_run, self.record, settings)
            _warn_of_failure("the run is not in job_runs", keep_run, is_told=self.record.outcome == "done")
        if metrics:
            write = partial(run_metrics.write_run_metrics, self.record, settings, metrics)
            _warn_of_failure("no metrics are written", write)
        if self.lineage:
            _warn_of_failure("lineage is not all sent", self.lineage.send_end)

    def _begin_lineage(self) -> None:
        self.lineage = LineageSender(self.record)
        self.lineage.send_start()


def _warn_of_failure(what: str, work: Callable[[], None], is_told: bool = True) -> None:
    """Does the work; what hinders it is told and ends nothing. `is_told`: unless the job has told its own failure."""
    from oilake.jobs.runtime.error_text import error_line

    try:
        work()
    except Exception as error:
        level = logging.WARNING if is_told else logging.DEBUG
        LOGGER.log(level, "%s (%s); what the job did stands", what, error_line(error))
