"""The one road into the tables: what a job staged passes the gate, is published and recorded; what fails leaves nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from oilake.jobs.pipeline.start import StartOnDemand
from oilake.jobs.runtime import spark_tasks
from oilake.jobs.runtime.run_events import timed_phase
from oilake.jobs.tables import cleanup, commits, publish
from oilake.jobs.tables.publication import Publication
from oilake.jobs.tables.snapshots import Snapshot
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.validation import publish_gate
from oilake.jobs.validation.publish_gate import PublishFacts, TableResults

T = TypeVar("T")


@dataclass(frozen=True)
class StagedPublication(Generic[T]):
    """A publication whose files are all staged, what the job knows of their rows, and what it tells besides."""

    publication: Publication
    facts: PublishFacts
    told: T


@dataclass(frozen=True)
class PassedPublication(Generic[T]):
    """What the gate let through, and what it found of every table."""

    publication: Publication
    judgements: Sequence[TableResults]
    told: T


def pass_gate(
    session: StartOnDemand,
    warehouse: Warehouse,
    run_id: str,
    tables: Sequence[str],
    stage: Callable[[], StagedPublication[T]],
) -> PassedPublication[T]:
    """What `stage` gives, once no critical expectation is broken in it.

    BrokenError otherwise, after the refusal is recorded. Whatever ends it, the tasks of the run are stopped and what it
    staged of `tables`, all that it may write, is deleted.
    """
    staged: StagedPublication[T] | None = None
    try:
        with timed_phase("stage"):
            staged = stage()
        with timed_phase("gate"):
            judgements = publish_gate.evaluate_publication(session, warehouse, staged.publication, staged.facts)
        publish_gate.raise_if_broken(staged.publication, judgements)
        return PassedPublication(staged.publication, judgements, staged.told)
    except BaseException as error:
        if session.session is not None:
            spark_tasks.cancel_tasks(session.session)
        cleanup.discard_staged(warehouse, run_id, tables)
        if staged:
            publish_gate.record_refused(warehouse, staged.publication, error)
        raise commits.as_store_error(warehouse, error) from None


def publish_passed(warehouse: Warehouse, passed: PassedPublication[T]) -> Snapshot:
    """Publishes it, and records what the gate found; the snapshot that it ends with."""
    with timed_phase("publish"):
        snapshot = publish.publish(warehouse, passed.publication)
        publish_gate.record_results(warehouse, passed.publication, passed.judgements, snapshot)
    return snapshot
