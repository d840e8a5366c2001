"""Publishes releases by ingest's own kernels in this process: Spark, which only places them, is stood in for."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from oilake.conf.chosen_files import FileChoice
from oilake.conf.reconcile_policy import load_policy
from oilake.conf.settings import Settings
from oilake.jobs import ingest
from oilake.jobs.ingesting import ingest_plan, release_reader
from oilake.jobs.reconciling.label_rows import reconcile_tables
from oilake.jobs.runtime import spark_tasks
from oilake.jobs.tables import publish
from oilake.jobs.tables.publication import Publication
from oilake.jobs.tables.snapshots import INGEST, require_snapshot
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas.release_registry import find_release
from tests.support import view_lake

ONE_CORE: Any = SimpleNamespace(sparkContext=SimpleNamespace(defaultParallelism=1))


@contextmanager
def in_this_process() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spark_tasks, "run_tasks", _run_shares)
        yield


def publish_release(
    settings: Settings, name: str, choice: FileChoice = ingest.ALL_FILES, partial: bool = False
) -> None:
    """Makes the tables of the warehouse where there are none, and publishes what has landed of a release."""
    warehouse, release, run = Warehouse.of(settings), find_release(name, settings.registry), uuid.uuid4().hex[:16]
    if not Path(settings.warehouse).exists():
        view_lake.make_tables(settings.warehouse)
    with in_this_process():
        plan = ingest_plan.plan_ingest(settings, release, choice, partial)
        read = release_reader.read_release(ONE_CORE, settings, plan, run, {}, b"")
    status = "partial" if partial else "complete"
    read.staged.append(ingest._stage_release_files(settings, plan, read, run))
    publish.publish(warehouse, Publication(name, run, status, run, INGEST, {}, tuple(read.staged)))


def reconcile_release(settings: Settings, name: str) -> None:
    """Publishes `image_labels` of a published release."""
    warehouse, run = Warehouse.of(settings), uuid.uuid4().hex[:16]
    release, pin = find_release(name, settings.registry), require_snapshot(warehouse, name)
    with in_this_process():
        results = reconcile_tables(ONE_CORE, warehouse, release, pin, load_policy(), run, None)
    files = tuple(result.staged for result in results if result.staged)
    publish.publish(
        warehouse, Publication(name, run, pin.status, run, "reconcile", {}, files, kept={"corrections": ()})
    )


def _run_shares(_: Any, shares: Sequence[Sequence[Any]], work: Any, place: str, what: str) -> list[Any]:
    return [report for share in shares for report in spark_tasks.run_here(share, work, place, what)]
