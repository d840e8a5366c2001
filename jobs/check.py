"""Checks tables by the expectations that they carry: all that is published, one table of it, or any copy of a table."""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from oilake.conf import bounded_json
from oilake.conf.settings import Settings
from oilake.jobs.operations import job_runs
from oilake.jobs.pipeline import start
from oilake.jobs.runtime import hidden_modules, options, run_events
from oilake.jobs.runtime.printing import print_text
from oilake.jobs.runtime.progress import log_line
from oilake.jobs.runtime.run_ids import new_run_id
from oilake.jobs.tables import publish, targets
from oilake.jobs.tables.published_slices import drop_outdated_comparisons
from oilake.jobs.tables.snapshots import require_snapshots
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.validation import checker, explanations, publish_gate, results_store
from oilake.jobs.validation.checker import TargetFindings, WarehouseContext
from oilake.schemas import loader as schemas

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# What every check adds rows to, so that it would never find them as they were.
UNASKED = (publish_gate.RESULTS, job_runs.TABLE)


@dataclass(frozen=True)
class CheckOutcome:
    """What a check found: a judgement a table and release. `recorded`: rows added to `quality_results`, 0 where nothing
    differs from the check before; None where there is no warehouse to record in. `seconds`: all of it but
    `start_seconds`, which Spark and its workers took to start."""

    run_id: str
    checked: Sequence[TargetFindings]
    recorded: int | None
    seconds: float
    start_seconds: float

    @property
    def is_broken(self) -> bool:
        """Whether a critical expectation is broken."""
        return any(result.is_broken for table_check in self.checked for result in table_check.results)

    def as_json(self, is_explained: bool = False) -> dict[str, object]:
        """The outcome as plain data; explained, each broken promise has its meaning and its remedy."""
        is_copy = self.recorded is None
        return {
            "run_id": self.run_id,
            "is_broken": self.is_broken,
            "recorded": self.recorded,
            "seconds": self.seconds,
            "start_seconds": self.start_seconds,
            "tables": [
                explanations.findings_as_json(table_check, is_copy) if is_explained else table_check.as_json()
                for table_check in self.checked
            ],
        }

    def as_text(self, is_explained: bool = False) -> str:
        """What is broken or noted, a line each, or in more words; then the counts."""
        if is_explained:
            lines = explanations.explanation_lines(self.checked, is_copy=self.recorded is None)
        else:
            lines = checker.findings_lines(self.checked)
        return "\n".join([*lines, self._counts_sentence()])

    def as_short_text(self) -> str:
        """As `as_text`, without the tables of which all was asked and kept."""
        strange = [one for one in self.checked if one.not_asked or not all(result.success for result in one.results)]
        return "\n".join([*checker.findings_lines(strange), self._counts_sentence()])

    def _counts_sentence(self) -> str:
        judged = [result for table_check in self.checked for result in table_check.results]
        broken = sum(result.is_broken for result in judged)
        warned = sum(not result.success and result.severity == "warning" for result in judged)
        kept = sum(result.success for result in judged)
        noted = sum(not result.success and result.severity == "info" for result in judged)
        sentence = f"{kept:,} promises kept, {broken:,} critical ones broken, {warned:,} warning" + "s" * (warned != 1)
        sentence += f", {noted:,} to note" if noted else ""
        if self.recorded is None:
            return sentence
        recorded = f"{self.recorded:,} results recorded in quality_results" if self.recorded else "as before"
        return f"{sentence}; {recorded}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        nargs="?",
        metavar="TABLE|PATH",
        help="a published table, or the folder of a copy (default: every table)",
    )
    options.add_release(parser, "only this release")
    parser.add_argument(
        "--history", metavar="TABLE|PATH", help="tell what earlier checks of a table found, and check nothing"
    )
    parser.add_argument(
        "--explain", action="store_true", help="tell of each broken promise what it means, its rows and the remedy"
    )
    options.add_places(parser, "warehouse")
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")
    options.add_metrics(parser)


def run(arguments: argparse.Namespace) -> int:
    if arguments.history or arguments.what not in (None, *schemas.table_names()):
        run_events.tell(run_events.OnlyRead())
    settings = options.load_settings(arguments)
    if arguments.history:
        history_entries = results_store.check_history(Warehouse.of(settings), arguments.history, arguments.release)
        print_text(
            bounded_json.strict_json([asdict(entry) for entry in history_entries])
            if arguments.json
            else "\n".join(results_store.history_lines(history_entries))
        )
        return 0
    outcome = check(settings, arguments.what, arguments.release)
    if arguments.json:
        print_text(bounded_json.strict_json(outcome.as_json(arguments.explain)))
    else:
        print_text(outcome.as_text(arguments.explain))
    return int(outcome.is_broken)


def check(settings: Settings, what: str | None = None, release: str | None = None) -> CheckOutcome:
    """Checks a published table by its name, the table in a folder, or, with neither, all that is published but for the
    records of checks and of runs.

    ConfigError when there is no such table, nothing is published, or a copy carries no expectations.
    """
    started = time.monotonic()
    if what is not None and what not in schemas.table_names():
        return _check_copy(settings, what, release)
    warehouse, outdated = publish.settled_warehouse(settings), list[str]()
    require_snapshots(warehouse, release)
    if what is None:
        warehouse, outdated = drop_outdated_comparisons(warehouse, release)
    names = [what] if what else [name for name in schemas.table_names() if name not in UNASKED]
    session = start.StartOnDemand(lambda: _start_spark(lambda: start.open_readers(settings)))
    start.prepare_tables(session, settings, [what, publish_gate.RESULTS] if what else None)
    for sentence in outdated:
        log_line(f"not checked: {sentence}")
    seen_once = replace(warehouse, states={})  # no table is changed until all is judged
    check_targets = targets.published_targets(seen_once, names, release)
    checked = checker.check_targets(session, check_targets, WarehouseContext.of_targets(seen_once, check_targets))
    run_id = new_run_id()
    recorded = results_store.record_findings(warehouse, run_id, checked)
    return CheckOutcome(run_id, checked, recorded, time.monotonic() - started - session.seconds, session.seconds)


def _check_copy(settings: Settings, path: str, release: str | None) -> CheckOutcome:
    started = time.monotonic()
    check_targets = targets.copied_targets(settings.storage_uri(path), release)
    session = start.StartOnDemand(lambda: _start_spark(lambda: start.open_readers(settings, path)))
    checked = checker.check_targets(session, check_targets, None)
    run_id = new_run_id()
    results_store.keep_results(run_id, checked)
    return CheckOutcome(run_id, checked, None, time.monotonic() - started - session.seconds, session.seconds)


def _start_spark(begin: Callable[[], SparkSession]) -> SparkSession:
    """Starts Spark, and imports Great Expectations, which takes seconds too, beside it."""
    threading.Thread(target=_import_great_expectations, daemon=True).start()
    return begin()


def _import_great_expectations() -> None:
    from oilake.quality import gx_results

    hidden_modules.reveal_modules()
    gx_results.import_gx()


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("check", __doc__, add_arguments, run))
