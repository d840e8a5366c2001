"""What every job does that makes tables from published ones: run once for the same input, publish all or nothing."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from oilake.conf.settings import Settings
from oilake.jobs.pipeline.gated_publication import StagedPublication, pass_gate, publish_passed
from oilake.jobs.pipeline.start import StartOnDemand, open_readers, open_session, prepare_tables
from oilake.jobs.runtime import code_version
from oilake.jobs.runtime.progress import log_line
from oilake.jobs.runtime.run_ids import new_run_id
from oilake.jobs.tables.publication import Publication
from oilake.jobs.tables.published_slices import current_slice, lost_rows_sentence
from oilake.jobs.tables.published_slices import read_property as published_words
from oilake.jobs.tables.snapshots import Snapshot, slice_name
from oilake.jobs.tables.staging import StagedFile
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.validation.publish_gate import PublishFacts
from oilake.schemas import loader as schemas

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

T = TypeVar("T")
COUNTS_PROPERTY = "counts"

StagingWork = Callable[["SparkSession", str], tuple[Sequence[StagedFile], T]]
LocalWork = Callable[[str], tuple[Sequence[StagedFile], T]]


@dataclass(frozen=True)
class DerivedTask:
    """One job on one release. `inputs`: the versions that it reads; `decided_by`: what else decides its rows, code apart.

    `basis`: what it reads, as (release, job, fingerprint of what is published); `properties` go into the commits and the
    tables; `since`: the earlier release of a comparison; `reads`: the published tables whose rows it needs. `kept`: of a
    table whose slice is replaced in part, the published files that stay. `module`: where the work of a job begins that is
    no verb. `unique`: tables whose keys it compares itself.
    """

    job: str
    pin: Snapshot
    inputs: dict[str, str]
    basis: tuple[tuple[str, str, str], ...]
    properties: Mapping[str, str] = field(default_factory=dict)
    since: str | None = None
    decided_by: object = None
    reads: tuple[tuple[Snapshot, str], ...] = ()
    kept: Mapping[str, tuple[StagedFile, ...]] = field(default_factory=dict)
    module: str | None = None
    unique: tuple[str, ...] = ()

    def fingerprint(self) -> str:
        """SHA-256 over all that decides what the tables will hold."""
        deciding_inputs = repr((self.pin.release, self.since, self.inputs, self.decided_by)).encode()
        code = code_version.code_digest(self.module or f"jobs.{self.job}", self.job)
        return hashlib.sha256(deciding_inputs + code).hexdigest()


@dataclass(frozen=True)
class JobResult(Generic[T]):
    """`result`: what the work gave beside its rows, also where it was done before; `pin`: the snapshot that holds it;
    seconds of the work, and of Spark's start."""

    changed: bool
    result: T
    pin: Snapshot
    seconds: float = 0.0
    start_seconds: float = 0.0


def run_derived_job(settings: Settings, task: DerivedTask, work: StagingWork[T], force: bool) -> JobResult[T]:
    """Runs `work(spark, run_id)` as `run_local_job` does one that needs no Spark."""
    session = StartOnDemand(lambda: open_session(settings))
    if force or slice_name(task.job, task.since) not in task.pin.fingerprints:
        session.begin()  # beside the fingerprint of the code
    return _run_job(settings, task, session, session, lambda run_id: work(session(), run_id), force)


def run_local_job(settings: Settings, task: DerivedTask, work: LocalWork[T], force: bool) -> JobResult[T]:
    """Publishes what `work(run_id)` stages; does nothing when the same was published by the same code.

    What the work tells besides, plain data, stands in the properties of the job's tables. What a failed or interrupted
    work staged is deleted, and what was published before stays. Where files of it are gone, the work is done again;
    LostRowsError where those of a table that it reads are. Spark starts where tables are to be migrated, and else not.
    """
    session = StartOnDemand(lambda: open_readers(settings))
    return _run_job(settings, task, session, lambda: prepare_tables(session, settings), work, force)


def _run_job(
    settings: Settings,
    task: DerivedTask,
    session: StartOnDemand,
    begin: Callable[[], object],
    work: LocalWork[T],
    force: bool,
) -> JobResult[T]:
    started = time.monotonic()
    fingerprint = task.fingerprint()
    warehouse = Warehouse.of(settings)
    for snapshot, table in task.reads:
        current_slice(warehouse, table, snapshot)
    if task.pin.fingerprints.get(slice_name(task.job, task.since)) == fingerprint and not force:
        lost_files = lost_rows_sentence(warehouse, task.pin, task.job, task.since)
        if lost_files is None:
            counts_json = published_words(warehouse, task.pin, task.job, COUNTS_PROPERTY, task.since)
            return JobResult(False, json.loads(counts_json), task.pin)
        log_line(f"{lost_files}; they are made again")
    begin()
    run_id = new_run_id()

    def stage_files() -> StagedPublication[T]:
        files, work_result = work(run_id)
        properties = {**task.properties, COUNTS_PROPERTY: json.dumps(work_result)}
        snapshot = task.pin
        publication = Publication(
            snapshot.release,
            run_id,
            snapshot.status,
            fingerprint,
            task.job,
            task.inputs,
            tuple(files),
            task.basis,
            task.since,
            properties,
            kept=dict(task.kept),
        )
        return StagedPublication(
            publication, PublishFacts(unique=task.unique, is_complete=snapshot.status == "complete"), work_result
        )

    tables = [*schemas.tables_of(task.job), *task.kept]
    passed_publication = pass_gate(session, warehouse, run_id, tables, stage_files)
    snapshot = publish_passed(warehouse, passed_publication)
    seconds = time.monotonic() - started - session.seconds
    return JobResult(True, passed_publication.told, snapshot, seconds, session.seconds)


@dataclass
class TableOutcome:
    """What a job tells of the one table that it makes of a release: its rows by subset, and whether they are new."""

    release: str
    table: str
    changed: bool
    rows: dict[str, int]

    def as_text(self) -> str:
        """The counts in one line for a person."""
        counts = ", ".join(f"{subset} {rows:,}" for subset, rows in self.rows.items())
        done = "published" if self.changed else "nothing changed since it was published"
        return f"{self.release}: {self.table}: {counts or 'no row'}; {done}"
