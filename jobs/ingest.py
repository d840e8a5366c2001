"""Reads a release's files, normalizes, splits valid rows from quarantined ones, and publishes Delta tables."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa

from oilake.conf.chosen_files import ALL_FILES, ChosenFile, FileChoice
from oilake.conf.registry import Release
from oilake.conf.settings import Settings
from oilake.jobs.ingesting import file_ends, ingest_plan, landing_area, refusals, release_reader
from oilake.jobs.ingesting.ingest_plan import IngestPlan, MembersByFile
from oilake.jobs.ingesting.release_files import digest_notes, release_file_rows
from oilake.jobs.ingesting.release_reader import ReadFiles
from oilake.jobs.ingesting.summary import Summary, summarize_release
from oilake.jobs.pipeline.gated_publication import StagedPublication, pass_gate, publish_passed
from oilake.jobs.pipeline.start import StartOnDemand, open_session
from oilake.jobs.runtime import code_version, options, run_events
from oilake.jobs.runtime.printing import print_text
from oilake.jobs.runtime.progress import log_line
from oilake.jobs.runtime.run_ids import new_run_id
from oilake.jobs.tables import publish
from oilake.jobs.tables.publication import Publication
from oilake.jobs.tables.published_slices import lost_rows_sentence
from oilake.jobs.tables.slice_files import small_rows
from oilake.jobs.tables.slice_versions import LostRowsError
from oilake.jobs.tables.snapshots import INGEST, RELEASE, Snapshot, newest_snapshots
from oilake.jobs.tables.staging import StagedFile, stage_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.validation.publish_gate import PublishFacts
from oilake.schemas import loader as schemas
from oilake.schemas import release_registry


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_release(parser, "release to ingest, such as v3", required=True)
    options.add_places(parser, "landing", "warehouse", "registry")
    parser.add_argument("--partial", action="store_true", help="take the archives and subsets that are there")
    options.add_choice(parser)
    options.add_accept_changed(parser)
    parser.add_argument("--force", action="store_true", help="ingest again even if nothing changed")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    options.add_metrics(parser)


def run(arguments: argparse.Namespace) -> int:
    settings = options.load_settings(arguments)
    release = release_registry.find_release(arguments.release, settings.registry)
    choice = options.file_choice(arguments)
    summary = ingest(settings, release, arguments.partial, arguments.force, arguments.accept_changed, choice)
    print_text(json.dumps(summary.as_json()) if arguments.json else summary.as_text())
    return 0


def ingest(
    settings: Settings,
    release: Release,
    partial: bool = False,
    force: bool = False,
    accept_changed: bool = False,
    choice: FileChoice = ALL_FILES,
) -> Summary:
    """Publishes what is chosen of `release` from the landing area; does nothing when the same input was published by the
    same code and its files are there. `accept_changed`: take files whose bytes are not the stated ones."""
    started = time.monotonic()
    warehouse = Warehouse.of(settings)
    publish.recover(warehouse)
    published = newest_snapshots(warehouse)
    before = published.get(release.release)
    session = StartOnDemand(lambda: open_session(settings))
    held = _held_members(warehouse, before, choice)

    def begin_early(present: Sequence[ChosenFile], members: MembersByFile) -> None:
        landing = settings.storage_uri(settings.landing)
        if (before is None or force) and file_ends.has_sound_headers(release, landing, present, members):
            session.begin()

    with ThreadPoolExecutor(1) as pool:
        digested = pool.submit(code_version.code_digest, "oilake.jobs.ingest", INGEST)  # beside the files' checksums
        plan = ingest_plan.plan_ingest(settings, release, choice, partial, held, begin_early)
    landing_area.refuse_changed(plan.landed, accept_changed)
    code = digested.result()
    fingerprint = ingest_plan.ingest_fingerprint(plan, settings, partial, code)
    if before and before.fingerprints[INGEST] == fingerprint and not force:
        gone = lost_rows_sentence(warehouse, before, INGEST) or lost_rows_sentence(warehouse, before, RELEASE)
        if gone is None:
            return summarize_release(release, warehouse, before)
        log_line(f"{gone}; they are made again")
    file_ends.check_file_ends(plan)
    spark = session()
    run_id = new_run_id()
    inputs = {landed_file.file.name: landed_file.checksums.sha256 for landed_file in plan.landed}

    def stage_tables() -> StagedPublication[ReadFiles]:
        read = release_reader.read_release(spark, settings, plan, run_id, {} if force else published, code)
        lacking = [*plan.absent, *refusals.missing_members(plan, read.reports)]
        refusals.refuse_unpublishable(release, settings, read, lacking, partial)
        read.staged.append(_stage_release_files(settings, plan, read, run_id))
        is_complete = plan.is_whole and not lacking
        status = "complete" if is_complete else "partial"
        publication = Publication(release.release, run_id, status, fingerprint, INGEST, inputs, tuple(read.staged))
        facts = PublishFacts(release_reader.quarantined_by_reason(read.reports), schemas.image_tables(), is_complete)
        return StagedPublication(publication, facts, read)

    passed = pass_gate(session, warehouse, run_id, schemas.tables_of(INGEST), stage_tables)
    snapshot = publish_passed(warehouse, passed)
    files = {landed_file.uri: landed_file.checksums.sha256 for landed_file in plan.landed}
    run_events.tell(run_events.InputsRead(files, are_files=True))
    summary = summarize_release(release, warehouse, snapshot, passed.told.reports)
    summary.start_seconds = session.seconds
    summary.seconds = time.monotonic() - started - session.seconds
    return summary


def _held_members(warehouse: Warehouse, before: Snapshot | None, choice: FileChoice) -> list[dict[str, Any]]:
    """What is published of the release, where a choice is to be added to it; rows that are lost are not held."""
    if before is None or choice == ALL_FILES:
        return []
    try:
        return small_rows(warehouse, "release_files", before)
    except LostRowsError:
        return []


def _stage_release_files(settings: Settings, plan: IngestPlan, read: ReadFiles, run_id: str) -> StagedFile:
    table = schemas.table_schema("release_files")
    rows = list(release_file_rows(plan, read.reports, read.unmatched).values())
    arrow = schemas.arrow_schema(table)
    data = pa.table({name: [row[name] for row in rows] for name in arrow.names}, schema=arrow)
    notes = digest_notes(read.digests)
    return stage_rows(Warehouse.of(settings), table, {"release": plan.release.release}, run_id, data, notes)


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("ingest", __doc__, add_arguments, run))
