"""The one road into the tables: what a job staged passes the gate, is published and recorded; what fails leaves nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from pyspark.sql import SparkSession

from oilake.jobs.runtime import spark_tasks
from oilake.jobs.tables import publish
from oilake.jobs.tables.publish import Publication
from oilake.jobs.tables.snapshots import Snapshot
from oilake.jobs.validation import publish_gate
from oilake.jobs.validation.publish_gate import Judgement, Known

T = TypeVar("T")


@dataclass(frozen=True)
class Staged(Generic[T]):
    """A publication whose files are all staged, what the job knows of their rows, and what it tells besides."""

    publication: Publication
    known: Known
    told: T


@dataclass(frozen=True)
class Passed(Generic[T]):
    """What the gate let through, and what it found of every table."""

    publication: Publication
    judgements: Sequence[Judgement]
    told: T


def pass_gate(spark: SparkSession, warehouse: str, run_id: str, stage: Callable[[], Staged[T]]) -> Passed[T]:
    """What `stage` gives, once no critical expectation is broken in it.

    BrokenError otherwise, after the refusal is recorded. Whatever ends it, the tasks of the run are stopped and what it
    staged is deleted.
    """
    staged: Staged[T] | None = None
    try:
        staged = stage()
        judgements = publish_gate.judge(spark, warehouse, staged.publication, staged.known)
        publish_gate.hold(staged.publication, judgements)
        return Passed(staged.publication, judgements, staged.told)
    except BaseException as error:
        spark_tasks.stop(spark)
        publish.discard(warehouse, run_id)
        if staged:
            publish_gate.record_refused(warehouse, staged.publication, error)
        raise publish.unwritable(warehouse, error) from None


def publish_passed(warehouse: str, passed: Passed[T]) -> Snapshot:
    """Publishes it, and records what the gate found; the snapshot that it ends with."""
    pin = publish.publish(warehouse, passed.publication)
    publish_gate.record(warehouse, passed.publication, passed.judgements, pin)
    return pin
