"""Publishes staged files: all of a release or nothing of it.

A publication is begun by one row of `publications` that says all it is going to commit, goes on with one commit a table,
and ends with one row of `snapshots` that names every table's version. Readers pin the newest such row, so they see a
release whole or not at all. Whoever finds a publication begun and not ended finishes it: every commit carries the
publication's number as Delta's application transaction, so doing it twice is refused by the table itself.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError, DeltaError

from oilake.conf.errors import StoreError
from oilake.conf.settings import Settings
from oilake.jobs.runtime import run_events
from oilake.jobs.runtime.filesystem import delete_files
from oilake.jobs.tables.cleanup import discard_staged
from oilake.jobs.tables.commits import add_action, are_committed, as_store_error, commit_persistently, written_event
from oilake.jobs.tables.delta_log import latest_rows, newest_rows, table_to_commit
from oilake.jobs.tables.publication import (
    CONTINUES,
    Publication,
    application_id,
    left_in_place,
    parse_manifest,
    publication_properties,
    without_tallies,
)
from oilake.jobs.tables.slice_commits import commit_slice
from oilake.jobs.tables.snapshots import INGEST, Snapshot, numbered_snapshot, pin_snapshots, read_snapshots, slice_name
from oilake.jobs.tables.staging import stage_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas


def publish(warehouse: Warehouse, publication: Publication) -> Snapshot:
    """Publishes the staged files as the release's new slice of every table; what it replaces is no longer seen. The snapshot
    that it ends with.

    StoreError when the store cannot be written; nothing is seen of a publication that did not begin, and one that began
    is finished by the next run.
    """
    try:
        number = _begin_publication(warehouse, publication)
    except BaseException as error:
        if not _has_begun(warehouse, publication.run_id):
            discard_staged(warehouse, publication.run_id, [table.table for table in publication.tables()])
        raise as_store_error(warehouse, error) from None
    try:
        _finish_publication(warehouse, number, publication)
    except (DeltaError, OSError) as error:
        raise as_store_error(warehouse, error) from None
    snapshot = numbered_snapshot(warehouse, publication.release, number)
    _tell_publication(publication, snapshot)
    return snapshot


def _tell_publication(publication: Publication, snapshot: Snapshot) -> None:
    if publication.job != INGEST:  # which reads files, and tells where they are
        run_events.tell(run_events.InputsRead(publication.inputs))
    for table in publication.tables():
        files = [file for file in publication.files if file.table == table.table]
        version = snapshot.table_versions.get(slice_name(table.table, publication.since))
        if files:
            run_events.tell(written_event(table.table, publication.release, version, files, publication.run_id))


def _has_begun(warehouse: Warehouse, run_id: str) -> bool:
    """Whether the run's row of `publications` stands; a store that cannot tell is taken to hold it."""
    try:
        return any(row["run_id"] == run_id for row in newest_rows(warehouse, "publications", ["run_id"]))
    except (StoreError, DeltaError, OSError):
        return True


def settled_warehouse(settings: Settings) -> Warehouse:
    """The warehouse as a run sees it: publications that were broken off are finished, and the snapshots looked at once."""
    warehouse = Warehouse.of(settings)
    recover(warehouse)
    return pin_snapshots(warehouse)


def recover(warehouse: Warehouse) -> list[str]:
    """Finishes every publication that was begun and not ended; the runs that began them. StoreError when the store cannot be
    written."""
    waiting = unfinished_publications(warehouse)
    try:
        for number, publication in waiting:
            _finish_publication(warehouse, number, publication)
    except (DeltaError, OSError) as error:
        raise as_store_error(warehouse, error) from None
    return [publication.run_id for _, publication in waiting]


def unfinished_publications(warehouse: Warehouse) -> list[tuple[int, Publication]]:
    """(number, publication) of every one that was begun and not ended, in the order of the numbers."""
    ended = {release: snapshot.number for release, snapshot in read_snapshots(warehouse).items()}
    begun = latest_rows(warehouse, "publications", ["release", "number"])
    if all(row["number"] <= ended.get(row["release"], 0) for row in begun):
        return []
    waiting = [row for row in latest_rows(warehouse, "publications") if row["number"] > ended.get(row["release"], 0)]
    return [(row["number"], parse_manifest(row["manifest"])) for row in sorted(waiting, key=lambda row: row["number"])]


def _begin_publication(warehouse: Warehouse, publication: Publication) -> int:
    """Writes the row of `publications`; its number. Whatever another run has begun is finished first."""

    def begin_once() -> int:
        recover(warehouse)
        table = table_to_commit(warehouse, "publications")
        before = table.transaction_version(application_id(publication.release)) or 0
        now = read_snapshots(warehouse)
        ended = now[publication.release].number if publication.release in now else 0
        if before > ended:
            raise CommitFailedError("another run has begun to publish the release")
        _refuse_outdated(warehouse, publication, now)
        row = {
            "release": [publication.release],
            "number": [before + 1],
            "run_id": [publication.run_id],
            "manifest": [json.dumps(asdict(replace(publication, files=without_tallies(publication.files))))],
        }
        _append_row(warehouse, table, "publications", row, publication, before + 1)
        return before + 1

    busy = f"other runs keep publishing {publication.release}; run it again later"
    return commit_persistently(warehouse.table_uri("publications"), begin_once, busy)


def _refuse_outdated(warehouse: Warehouse, publication: Publication, now: Mapping[str, Snapshot]) -> None:
    for release, job, fingerprint in publication.basis:
        if release not in now or now[release].fingerprints.get(job) != fingerprint:
            raise StoreError(
                f"{warehouse}: {release} was published anew by {job} while {publication.job} ran; run it again"
            )


def _finish_publication(warehouse: Warehouse, number: int, publication: Publication) -> None:
    versions = {
        slice_name(table.table, publication.since): commit_slice(warehouse, table, number, publication)
        for table in publication.tables()
    }
    fingerprints = {slice_name(publication.job, publication.since): publication.fingerprint}
    fingerprints |= {slice_name(job, r): f for r, job, f in publication.basis if r != publication.release}
    if amended := CONTINUES.get(publication.job):
        fingerprints[amended] = publication.fingerprint
    if before := read_snapshots(warehouse).get(publication.release):
        versions = (
            left_in_place(before.table_versions, publication.job, lambda name: schemas.table_schema(name).written_by)
            | versions
        )
        fingerprints = left_in_place(before.fingerprints, publication.job, str) | fingerprints

    def finish_once() -> None:
        table = table_to_commit(warehouse, "snapshots")
        if (table.transaction_version(application_id(publication.release)) or 0) >= number:
            return
        row = {
            "release": [publication.release],
            "status": [publication.status],
            "number": [number],
            "run_id": [publication.run_id],
            "published_at": [datetime.datetime.now(datetime.timezone.utc)],
            "table_versions": [list(versions.items())],
            "fingerprints": [list(fingerprints.items())],
        }
        _append_row(warehouse, table, "snapshots", row, publication, number)

    commit_persistently(warehouse.table_uri("snapshots"), finish_once)


def _append_row(
    warehouse: Warehouse,
    table: DeltaTable,
    name: str,
    row: Mapping[str, Any],
    publication: Publication,
    number: int,
) -> None:
    schema = schemas.table_schema(name)
    data = pa.table(dict(row), schema=schemas.arrow_schema(schema))
    file = stage_rows(warehouse, schema, {}, publication.run_id, data)
    try:
        table.create_write_transaction(
            [add_action(file)], "append", table.schema(), commit_properties=publication_properties(publication, number)
        )
    except BaseException as error:
        stands = are_committed(warehouse, name, [file])
        if stands is False:
            delete_files([warehouse.table_uri(name, file.path)])
        elif stands and isinstance(error, DeltaError | OSError):
            return  # the row stands; what failed came after it, such as a checkpoint
        raise
