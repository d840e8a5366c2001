"""Publishes releases by ingest's own kernels in this process: Spark, which only places and sorts, is stood in for."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from oilake.conf.chosen_files import FileChoice
from oilake.conf.settings import Settings
from oilake.jobs import ingest
from oilake.jobs.ingesting import ingest_plan, release_reader, sort_files
from oilake.jobs.runtime import spark_tasks
from oilake.jobs.tables import parquet_reader, publish
from oilake.jobs.tables.publication import Publication
from oilake.jobs.tables.snapshots import INGEST
from oilake.jobs.tables.staging import StagedFile, stage_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas
from oilake.schemas.release_registry import find_release
from tests.support import view_lake

ONE_CORE: Any = SimpleNamespace(sparkContext=SimpleNamespace(defaultParallelism=1))


@contextmanager
def in_this_process() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spark_tasks, "run_tasks", _run_shares)
        patch.setattr(sort_files, "sort_by_image", _sort_staged)
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
    read.staged.append(ingest._stage_release_files(settings, plan, read, run))
    publish.publish(warehouse, Publication(name, run, "complete", run, INGEST, {}, tuple(read.staged)))


def _run_shares(_: Any, shares: Sequence[Sequence[Any]], work: Any, place: str, what: str) -> list[Any]:
    return [report for share in shares for report in spark_tasks.run_here(share, work, place, what)]


def _sort_staged(
    _: Any, warehouse: Warehouse, run_id: str, groups: sort_files.UnsortedGroups, digests: Mapping[str, str]
) -> list[StagedFile]:
    sorted_files = []
    for (name, _key), files in groups.items():
        table = schemas.table_schema(name)
        columns = [column.name for column in table.stored()]
        uris = [warehouse.table_uri(name, file.path) for file in files]
        rows = pa.concat_tables(parquet_reader.read_file(uri, name, columns) for uri in uris)
        sorted_files.append(stage_rows(warehouse, table, files[0].partition, run_id[::-1], rows.sort_by("image_id")))
    return sorted_files
