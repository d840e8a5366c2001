"""What every job does that makes tables from published ones: run once for the same input, publish all or nothing."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pyspark.sql import SparkSession

from oilake.conf.settings import Settings
from oilake.jobs.pipeline.gated_publication import Staged, pass_gate, publish_passed
from oilake.jobs.pipeline.start import begin
from oilake.jobs.runtime import code_version
from oilake.jobs.runtime.progress import say
from oilake.jobs.tables.publish import Publication
from oilake.jobs.tables.snapshots import Snapshot, held, lost, slice_name
from oilake.jobs.tables.snapshots import told as published_words
from oilake.jobs.tables.staging import StagedFile
from oilake.jobs.validation.publish_gate import Known

T = TypeVar("T")
COUNTS = "counts"

Work = Callable[[SparkSession, str], tuple[Sequence[StagedFile], T]]


@dataclass(frozen=True)
class Task:
    """One job on one release. `inputs`: the versions that it reads; `decided_by`: what else decides its rows, code apart.

    `basis`: what it reads, as (release, job, fingerprint of what is published); `properties` go into the commits and the
    tables; `since`: the earlier release of a comparison; `reads`: the published tables whose rows it needs.
    """

    job: str
    pin: Snapshot
    inputs: dict[str, str]
    basis: tuple[tuple[str, str, str], ...]
    properties: Mapping[str, str] = field(default_factory=dict)
    since: str | None = None
    decided_by: object = None
    reads: tuple[tuple[Snapshot, str], ...] = ()

    def fingerprint(self) -> str:
        """SHA-256 over all that decides what the tables will hold."""
        known = repr((self.pin.release, self.since, self.inputs, self.decided_by)).encode()
        return hashlib.sha256(known + code_version.digest(f"jobs.{self.job}", self.job)).hexdigest()


@dataclass(frozen=True)
class Done(Generic[T]):
    """`found`: what the work told, also where it was done before; `pin`: the snapshot that holds it; seconds of the work,
    and of Spark's start."""

    changed: bool
    found: T
    pin: Snapshot
    seconds: float = 0.0
    start_seconds: float = 0.0


def derive(settings: Settings, task: Task, work: Work[T], force: bool) -> Done[T]:
    """Publishes what `work(spark, run_id)` stages; does nothing when the same was published by the same code.

    What the work tells besides, plain data, stands in the properties of the job's tables. What a failed or interrupted
    work staged is deleted, and what was published before stays. Where files of it are gone, the work is done again;
    LostRowsError where those of a table that it reads are.
    """
    started = time.monotonic()
    fingerprint = task.fingerprint()
    for pin, table in task.reads:
        held(settings.warehouse, table, pin)
    if task.pin.fingerprints.get(slice_name(task.job, task.since)) == fingerprint and not force:
        gone = lost(settings.warehouse, task.pin, task.job, task.since)
        if gone is None:
            words = published_words(settings.warehouse, task.pin, task.job, COUNTS, task.since)
            return Done(False, json.loads(words), task.pin)
        say(f"{gone}; they are made again")
    spark, start_seconds = begin(settings)
    run_id = uuid.uuid4().hex[:16]

    def stage() -> Staged[T]:
        files, found = work(spark, run_id)
        told = {**task.properties, COUNTS: json.dumps(found)}
        pin = task.pin
        publication = Publication(
            pin.release,
            run_id,
            pin.status,
            fingerprint,
            task.job,
            task.inputs,
            tuple(files),
            task.basis,
            task.since,
            told,
        )
        return Staged(publication, Known(is_complete=pin.status == "complete"), found)

    passed = pass_gate(spark, settings.warehouse, run_id, stage)
    pin = publish_passed(settings.warehouse, passed)
    return Done(True, passed.told, pin, time.monotonic() - started - start_seconds, start_seconds)
