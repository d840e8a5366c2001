"""How every job is called: its errors are told, and what became of a run that may write tables is kept.

The record is made after the job has ended and never changes how it ends: what fails here is one warning.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from oilake.jobs.operations import run_record
from oilake.jobs.operations.run_record import RunRecord
from oilake.jobs.runtime import entrypoint, process_memory, run_events, run_ids
from oilake.jobs.runtime.entrypoint import RunFunction
from oilake.jobs.runtime.logs import LOGGER

if TYPE_CHECKING:
    from oilake.conf.settings import Settings

AddArguments = Callable[[argparse.ArgumentParser], None]


def main(name: str, doc: str, add_arguments: AddArguments, run: RunFunction, argv: Sequence[str] | None = None) -> int:
    """One job called by itself (`spark-submit jobs/<name>.py …`); the exit code."""
    parser = entrypoint.new_parser(name, doc)
    add_arguments(parser)
    return run_watched(name, run, parser.parse_args(argv))


def run_watched(job: str, run: RunFunction, arguments: argparse.Namespace) -> int:
    """`run`, whose errors are told in one sentence; a job that took `options.add_metrics` is recorded. The exit code."""
    if not hasattr(arguments, "metrics"):
        return entrypoint.run_guarded(run, arguments)
    record = run_record.begin_record(job, arguments)
    memory = process_memory.TreeMemory().start()
    try:
        with run_events.listening(record.hear):
            record.end(entrypoint.run_guarded(run, arguments))
    except Exception as error:
        record.message = f"{type(error).__name__}: {error}"
        record.end(run_record.CRASHED, "crashed")
        raise
    finally:
        record.peak_memory = memory.stop()
        record.run_id = run_ids.CURRENT.run_id or ""
        if record.outcome and record.settings:
            _keep_record(record, record.settings, arguments.metrics or record.settings.metrics)
    return record.exit_code


def _keep_record(record: RunRecord, settings: Settings, metrics: str | None) -> None:
    """Keeps what is known of a run that has ended, in the table and, where one is asked for, in the file."""
    from oilake.jobs.operations import job_runs, run_metrics  # with Delta, which a job called wrongly does without

    if not record.only_reads:
        _warn_of_failure("the run is not recorded in job_runs", lambda: job_runs.append_run(record, settings))
    if metrics:
        _warn_of_failure("no metrics are written", lambda: run_metrics.write_run_metrics(record, settings, metrics))


def _warn_of_failure(what: str, work: Callable[[], None]) -> None:
    """Does the work; what hinders it is told and ends nothing."""
    from oilake.jobs.runtime.error_text import error_line

    try:
        work()
    except Exception as error:
        LOGGER.warning("%s (%s); what the job did stands", what, error_line(error))
