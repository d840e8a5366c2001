"""Moves quarantined rows that pass by now into their tables, all in one publication; the others stay, with their reasons."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from functools import partial

from pyspark.sql import SparkSession

from oilake.conf.registry import Release
from oilake.conf.settings import Settings
from oilake.jobs.pipeline.gated_publication import PassedPublication, pass_gate, publish_passed
from oilake.jobs.pipeline.start import StartOnDemand, start_job
from oilake.jobs.quarantining.outcome import ReprocessOutcome, moved_by_table, reasons_by_table
from oilake.jobs.quarantining.records import (
    MovedRows,
)
from oilake.jobs.quarantining.reprocess_plan import ReprocessPlan, plan_reprocess
from oilake.jobs.quarantining.reprocess_staging import stage_publication
from oilake.jobs.tables import publish
from oilake.jobs.tables.snapshots import INGEST, RELEASE
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas


def reprocess_release(settings: Settings, release: Release) -> ReprocessOutcome:
    """Publishes the quarantined rows of `release` that pass by now; does nothing when every row stays as it is.

    ConfigError when the release is not published or the registry no longer knows a file.
    """
    started = time.monotonic()
    warehouse = Warehouse.of(settings)
    publish.recover(warehouse)
    plan = plan_reprocess(settings, release)
    unjudged = sum((look.skipped for look in plan.looks), Counter[str]())
    judged = sum(look.rows for look in plan.looks) - unjudged.total()
    outcome = ReprocessOutcome(release.release, warehouse.uri, bool(plan.parts), judged, unjudged=dict(unjudged))
    if not plan.parts:
        return outcome
    spark, outcome.start_seconds = start_job(settings)
    passed = prepare_publication(spark, settings, release, plan)
    publish_passed(warehouse, passed)
    moved_files = passed.told
    outcome.run_id, outcome.reworded = passed.publication.run_id, sum(moved_file.reworded for moved_file in moved_files)
    outcome.moved, outcome.released = moved_by_table(moved_files), reasons_by_table(moved_files)
    if any(member.image_lists for file in release.files for member in file.members):
        outcome.unlisted = outcome.moved.get("images", 0)
    outcome.seconds = time.monotonic() - started - outcome.start_seconds
    return outcome


def prepare_publication(
    spark: SparkSession, settings: Settings, release: Release, plan: ReprocessPlan
) -> PassedPublication[Sequence[MovedRows]]:
    """A publication whose files are staged and passed the gate, and what became of each file of quarantine.

    BrokenError when the tables as they would be break a critical expectation. What fails leaves nothing behind.
    """
    stage_tables = partial(stage_publication, spark, settings, release, plan)
    tables = schemas.tables_of(INGEST, RELEASE)
    return pass_gate(StartOnDemand.of_session(spark), Warehouse.of(settings), plan.context.run_id, tables, stage_tables)
