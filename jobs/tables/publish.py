"""Publishes staged files: all of a release or nothing of it.

A publication is begun by one row of `publications` that says all it is going to commit, goes on with one commit a table,
and ends with one row of `snapshots` that names every table's version. Readers pin the newest such row, so they see a
release whole or not at all. Whoever finds a publication begun and not ended finishes it: every commit carries the
publication's number as Delta's application transaction, so doing it twice is refused by the table itself.
"""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeVar

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction, RemoveAction
from pyarrow.fs import FileSelector

from oilake.conf.errors import StoreError
from oilake.jobs.runtime.error_text import error_line
from oilake.jobs.runtime.filesystem import delete_files, open_filesystem
from oilake.jobs.tables import delta_commits
from oilake.jobs.tables.delta_log import existing_table, newest_rows
from oilake.jobs.tables.snapshots import (
    INGEST,
    RELEASE,
    SINCE,
    Snapshot,
    newest_snapshots,
    numbered_snapshot,
    property_name,
    slice_name,
    staged_at,
)
from oilake.jobs.tables.staging import StagedFile, stage_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas

DERIVED = ("reconcile", "duplicates", "figures", "expand", "changes")
DOWNSTREAM = {"ingest": (*DERIVED, RELEASE), RELEASE: DERIVED, "reconcile": ("expand", "changes")}
# A job that goes on with what another published: from then on the other's fingerprint is its own.
CONTINUES = {RELEASE: INGEST}
ATTEMPTS = 30
PAUSE = 0.1

T = TypeVar("T")


@dataclass(frozen=True)
class Publication:
    """What one run is about to publish: the files of the slice of every table that `job` writes, and the row of `snapshots`.

    It replaces what `job` published of the release before, and what was made from that; the rest stays as it is.
    `basis`: what the job read, as (release, job) and its fingerprint; refused when that is no longer the published one.
    `since`: the earlier release of a comparison. `properties`: what its commits say besides, as `oilake.NAME`, and what the
    tables that it writes say of the release, as the property `oilake.NAME.RELEASE`. `notes`: what only its commits say.
    `kept`: of tables whose slice is replaced in part, the published files that stay.
    """

    release: str
    run_id: str
    status: str
    fingerprint: str
    job: str
    inputs: dict[str, str]
    files: tuple[StagedFile, ...]
    basis: tuple[tuple[str, str, str], ...] = ()
    since: str | None = None
    properties: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    kept: dict[str, tuple[StagedFile, ...]] = field(default_factory=dict)

    def tables(self) -> list[schemas.Table]:
        """The tables whose slice it replaces."""
        every = map(schemas.table_schema, schemas.table_names())
        return [table for table in every if table.written_by == self.job or table.table in self.kept]

    def slice_files(self, table: str) -> list[StagedFile]:
        """All files of the slice as it will be: those that are staged, and the published ones that stay."""
        return [*(file for file in self.files if file.table == table), *self.kept.get(table, ())]

    def slice(self, table: schemas.Table) -> dict[str, str]:
        """The partition values that it replaces."""
        return dict(zip(table.slice_by, (self.release, self.since or ""), strict=False))


def publish(warehouse: Warehouse, publication: Publication) -> Snapshot:
    """Publishes the staged files as the release's new slice of every table; what it replaces is no longer seen. The snapshot
    that it ends with.

    StoreError when the store cannot be written; nothing is seen of a publication that did not begin, and one that began
    is finished by the next run.
    """
    try:
        recover(warehouse)
        number = _begin_publication(warehouse, publication)
    except BaseException as error:
        if not _has_begun(warehouse, publication.run_id):
            discard_staged(warehouse, publication.run_id)
        raise as_store_error(warehouse, error) from None
    try:
        _finish_publication(warehouse, number, publication)
    except (DeltaError, OSError) as error:
        raise as_store_error(warehouse, error) from None
    return numbered_snapshot(warehouse, publication.release, number)


def _has_begun(warehouse: Warehouse, run_id: str) -> bool:
    """Whether the run's row of `publications` stands; a store that cannot tell is taken to hold it."""
    try:
        return any(row["run_id"] == run_id for row in newest_rows(warehouse, "publications", ["run_id"]))
    except (StoreError, DeltaError, OSError):
        return True


def as_store_error(warehouse: Warehouse, error: BaseException) -> BaseException:
    """The error as a StoreError when the store is its cause, else as it is."""
    if not isinstance(error, DeltaError | OSError):
        return error
    return StoreError(
        f"{warehouse}: cannot be written ({error_line(error)}); free or mend the store, then run the same command again"
    )


def recover(warehouse: Warehouse) -> list[str]:
    """Finishes every publication that was begun and not ended; the runs that began them."""
    waiting = unfinished_publications(warehouse)
    for number, publication in waiting:
        _finish_publication(warehouse, number, publication)
    return [publication.run_id for _, publication in waiting]


def unfinished_publications(warehouse: Warehouse) -> list[tuple[int, Publication]]:
    """(number, publication) of every one that was begun and not ended, in the order of the numbers."""
    ended = {release: snapshot.number for release, snapshot in newest_snapshots(warehouse).items()}
    begun = newest_rows(warehouse, "publications", ["release", "number"])
    if all(row["number"] <= ended.get(row["release"], 0) for row in begun):
        return []
    waiting = [row for row in newest_rows(warehouse, "publications") if row["number"] > ended.get(row["release"], 0)]
    return [(row["number"], _from_manifest(row["manifest"])) for row in sorted(waiting, key=lambda row: row["number"])]


def _from_manifest(manifest: str) -> Publication:
    data = json.loads(manifest)
    files = tuple(StagedFile(**file) for file in data["files"])
    kept = {
        table: tuple(StagedFile(**file) for file in table_files) for table, table_files in data.get("kept", {}).items()
    }
    return Publication(**{**data, "files": files, "kept": kept})


def _begin_publication(warehouse: Warehouse, publication: Publication) -> int:
    """Writes the row of `publications`; its number. A run that loses the race finishes the other one first."""
    for attempt in range(ATTEMPTS):
        table = existing_table(warehouse, "publications")
        before = table.transaction_version(_application_id(publication.release)) or 0
        if before > _newest_number(warehouse, publication.release):
            recover(warehouse)
            continue
        _refuse_outdated(warehouse, publication)
        number = before + 1
        row = {
            "release": [publication.release],
            "number": [number],
            "run_id": [publication.run_id],
            "manifest": [json.dumps(asdict(replace(publication, files=_without_tallies(publication.files))))],
        }
        try:
            _append_row(warehouse, table, "publications", row, publication, number)
            return number
        except CommitFailedError:
            time.sleep(PAUSE * attempt)
            recover(warehouse)
    raise StoreError(
        f"{warehouse.table_uri('publications')}: other runs keep publishing {publication.release}; run it again later"
    )


def _without_tallies(files: Sequence[StagedFile]) -> tuple[StagedFile, ...]:
    """The files without what their audit counted, which nobody asks once they were let through."""
    return tuple(replace(file, tally=None) for file in files)


def _refuse_outdated(warehouse: Warehouse, publication: Publication) -> None:
    now = newest_snapshots(warehouse)
    for release, job, fingerprint in publication.basis:
        if release not in now or now[release].fingerprints.get(job) != fingerprint:
            raise StoreError(
                f"{warehouse}: {release} was published anew by {job} while {publication.job} ran; run it again"
            )


def _newest_number(warehouse: Warehouse, release: str) -> int:
    """The number of the release's newest snapshot."""
    snapshot = newest_snapshots(warehouse).get(release)
    return snapshot.number if snapshot else 0


def _finish_publication(warehouse: Warehouse, number: int, publication: Publication) -> None:
    versions = {
        slice_name(table.table, publication.since): _commit_slice(warehouse, table, number, publication)
        for table in publication.tables()
    }
    fingerprints = {slice_name(publication.job, publication.since): publication.fingerprint}
    fingerprints |= {slice_name(job, r): f for r, job, f in publication.basis if r != publication.release}
    if amended := CONTINUES.get(publication.job):
        fingerprints[amended] = publication.fingerprint
    if before := newest_snapshots(warehouse).get(publication.release):
        versions = (
            _not_replaced(before.table_versions, publication.job, lambda name: schemas.table_schema(name).written_by)
            | versions
        )
        fingerprints = _not_replaced(before.fingerprints, publication.job, str) | fingerprints
    for attempt in range(ATTEMPTS):
        table = existing_table(warehouse, "snapshots")
        if (table.transaction_version(_application_id(publication.release)) or 0) >= number:
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
        try:
            return _append_row(warehouse, table, "snapshots", row, publication, number)
        except CommitFailedError:
            time.sleep(PAUSE * attempt)
    raise StoreError(f"{warehouse.table_uri('snapshots')}: other runs keep writing; run the same command again")


def _not_replaced(published: Mapping[str, T], job: str, job_of: Callable[[str], str]) -> dict[str, T]:
    """What a publication of `job` leaves as it is: all that was not made from what it replaces."""
    gone = DOWNSTREAM.get(job, ())
    return {name: value for name, value in published.items() if job_of(name.partition(SINCE)[0]) not in gone}


def _commit_slice(warehouse: Warehouse, schema: schemas.Table, number: int, publication: Publication) -> int:
    """Replaces the publication's slice of one table; the version that holds it."""
    name = schema.table
    staged: list[AddAction | RemoveAction] = [add_action(file) for file in publication.files if file.table == name]
    kept = publication.kept.get(name)
    for attempt in range(ATTEMPTS):
        table = existing_table(warehouse, name)
        if (table.transaction_version(_application_id(publication.release)) or 0) >= number:
            return _slice_version(warehouse, name, table, number, publication)
        try:
            if _set_properties(table, publication):
                table = existing_table(warehouse, name)
            part = publication.slice(schema)
            table.create_write_transaction(
                staged if kept is None else [*staged, *_exchange_actions(warehouse, table, name, part, kept)],
                "overwrite" if kept is None else "append",
                table.schema(),
                list(schema.partition_by),
                [(column, "=", value) for column, value in part.items()] if kept is None else None,
                commit_properties=_commit_properties(publication, number),
            )
            return _slice_version(warehouse, name, existing_table(warehouse, name), number, publication)
        except CommitFailedError:
            time.sleep(PAUSE * attempt)
    raise StoreError(f"{warehouse.table_uri(name)}: other runs keep writing; run the same command again")


def _exchange_actions(
    warehouse: Warehouse, table: DeltaTable, name: str, part: Mapping[str, str], kept: Sequence[StagedFile]
) -> list[AddAction | RemoveAction]:
    """What leaves no file of the slice but the kept ones, whatever files are in it now."""
    active = {file.path: file for file in staged_at(warehouse, name, table.version(), part)}
    kept_paths = {file.path for file in kept}
    now = int(time.time() * 1000)
    gone = [
        RemoveAction(f.path, True, now, f.size, dict(f.partition)) for p, f in active.items() if p not in kept_paths
    ]
    return [*gone, *(add_action(file) for file in kept if file.path not in active)]


def _set_properties(table: DeltaTable, publication: Publication) -> bool:
    """Sets the table's properties where they change, which makes writers of other releases try again; whether it did."""
    new_properties = {
        property_name(name, publication.release, publication.since): value
        for name, value in publication.properties.items()
    }
    stored = table.metadata().configuration
    changed = {name: value for name, value in new_properties.items() if stored.get(name) != value}
    if changed:
        table.alter.set_table_properties(changed, raise_if_not_exists=False)
    return bool(changed)


def _is_commit_of(entry: Mapping[str, Any], number: int, publication: Publication) -> bool:
    return entry.get("oilake.release") == publication.release and entry.get("oilake.publication") == number


def _slice_version(warehouse: Warehouse, name: str, table: DeltaTable, number: int, publication: Publication) -> int:
    """The version at which the publication's slice was committed."""
    for commit in delta_commits.newest_first(warehouse, name, table.version()):
        if _is_commit_of(commit.info, number, publication):
            return commit.version
    return table.version()  # the commit was cleaned from the log; no later publication of the release is in the table


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
            [add_action(file)], "append", table.schema(), commit_properties=_commit_properties(publication, number)
        )
    except BaseException as error:
        if not is_committed(warehouse, name, file):
            delete_files([warehouse.table_uri(name, file.path)])
        elif isinstance(error, DeltaError | OSError):
            return  # the row stands; what failed came after it, such as a checkpoint
        raise


def is_committed(warehouse: Warehouse, name: str, file: StagedFile) -> bool:
    """Whether a commit names the file; a store that cannot tell is taken to."""
    try:
        return any(file_uri.endswith(file.path) for file_uri in existing_table(warehouse, name).file_uris())
    except (StoreError, DeltaError, OSError):
        return True


def _application_id(release: str) -> str:
    return f"oilake:{release}"


def _commit_properties(publication: Publication, number: int) -> CommitProperties:
    return CommitProperties(
        custom_metadata={
            "userMetadata": f"{publication.release} {slice_name(publication.job, publication.since)}",
            "oilake.run_id": publication.run_id,
            "oilake.job": publication.job,
            "oilake.release": publication.release,
            "oilake.publication": number,
            "oilake.inputs": publication.inputs,
            **{f"oilake.{name}": value for name, value in (publication.properties | publication.notes).items()},
        },
        max_commit_retries=0,
        app_transactions=[Transaction(_application_id(publication.release), number)],
    )


def add_action(file: StagedFile) -> AddAction:
    """What a commit says of one staged file."""
    return AddAction(file.path, file.size, dict(file.partition), int(time.time() * 1000), True, file.stats)


def discard_staged(warehouse: Warehouse, run_id: str) -> int:
    """Deletes the files that a run staged and did not publish; how many there were."""
    store, _ = warehouse.filesystem()
    count = 0
    for table in schemas.table_names():
        _, folder = open_filesystem(warehouse.table_uri(table))
        for info in store.get_file_info(FileSelector(folder, recursive=True, allow_not_found=True)):
            if f"-{run_id}-" in info.base_name:
                store.delete_file(info.path)
                count += 1
    return count


def delete_replaced(files: Sequence[StagedFile], warehouse: Warehouse) -> None:
    """Deletes staged files that others have replaced."""
    delete_files([warehouse.table_uri(file.table, file.path) for file in files])
