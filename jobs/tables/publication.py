"""What a publication is: the files of a slice, what it replaces, and what it leaves as it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from deltalake import CommitProperties, Transaction

from oilake.jobs.tables.snapshots import INGEST, RELEASE, SINCE, slice_name
from oilake.jobs.tables.staging import StagedFile
from oilake.schemas import loader as schemas

DERIVED = ("reconcile", "contradictions", "duplicates", "figures", "expand", "index", "changes", "verify --masks")
DOWNSTREAM = {
    "ingest": (*DERIVED, RELEASE),
    RELEASE: DERIVED,
    "reconcile": ("contradictions", "expand", "index", "changes"),
}
# A job that goes on with what another published: from then on the other's fingerprint is its own.
CONTINUES = {RELEASE: INGEST}

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


def parse_manifest(manifest: str) -> Publication:
    data = json.loads(manifest)
    files = tuple(StagedFile(**file) for file in data["files"])
    kept = {
        table: tuple(StagedFile(**file) for file in table_files) for table, table_files in data.get("kept", {}).items()
    }
    return Publication(**{**data, "files": files, "kept": kept})


def without_tallies(files: Sequence[StagedFile]) -> tuple[StagedFile, ...]:
    """The files without what their audit counted, which nobody asks once they were let through."""
    return tuple(replace(file, tally=None) for file in files)


def left_in_place(published: Mapping[str, T], job: str, job_of: Callable[[str], str]) -> dict[str, T]:
    """What a publication of `job` leaves as it is: all that was not made from what it replaces."""
    gone = DOWNSTREAM.get(job, ())
    return {name: value for name, value in published.items() if job_of(name.partition(SINCE)[0]) not in gone}


def application_id(release: str) -> str:
    return f"oilake:{release}"


def publication_properties(publication: Publication, number: int) -> CommitProperties:
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
        app_transactions=[Transaction(application_id(publication.release), number)],
    )


def is_commit_of(entry: Mapping[str, Any], number: int, publication: Publication) -> bool:
    return entry.get("oilake.release") == publication.release and entry.get("oilake.publication") == number
