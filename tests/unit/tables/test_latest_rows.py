"""What a publication reads of those before it does not grow with their number: neither commits nor rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from oilake.conf.settings import Settings
from oilake.jobs.maintaining import upkeep
from oilake.jobs.tables import ddl, delta_commits, delta_log, publish, staging
from oilake.jobs.tables.snapshots import Snapshot, every_snapshot, newest_by_release, read_snapshots
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas.loader import Table
from tests.support import kept_states, publications
from tests.support.warehouses import lake_settings, spark_is_not_needed

pytestmark = pytest.mark.lengthy

RELEASES = ("v3", "v4")
EACH = 6


def publish_each(warehouse: Warehouse, first: int, last: int) -> None:
    """Publishes a row of each release for each of these numbers."""
    for n in range(first, last):
        for release in RELEASES:
            publications.publish_rows(warehouse, f"{release}{n:014x}", 1, release, ["classes"])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose warehouse has several publications of two releases."""
    folder = tmp_path_factory.mktemp("latest")
    ddl.ensure_tables(spark_is_not_needed, Warehouse.at(str(folder / "lake")))
    publish_each(Warehouse.at(str(folder / "lake")), 0, EACH)
    return folder


@pytest.fixture
def read_files(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows by the path of each file whose rows are read; none was read before."""
    paths: list[str] = []
    kept_states.forget_states(monkeypatch)
    read = delta_log.read_file_batches

    def noting(uri: str, *more: Any) -> Iterator[Any]:
        paths.append(uri)
        return read(uri, *more)

    monkeypatch.setattr(delta_log, "read_file_batches", noting)
    return paths


def whole_history(warehouse: Warehouse) -> dict[str, Snapshot]:
    return newest_by_release(every_snapshot(warehouse))


def test_a_look_reads_a_file_a_release(place: Path, read_files: list[str]):
    warehouse = Warehouse.at(str(place / "lake"))
    newest = read_snapshots(warehouse)
    assert {release: snapshot.number for release, snapshot in newest.items()} == dict.fromkeys(RELEASES, EACH)
    assert len(read_files) == len(RELEASES)
    assert newest == whole_history(warehouse)
    read_files.clear()
    assert publish.unfinished_publications(warehouse) == []
    assert len(read_files) == len(RELEASES)  # of publications: those of snapshots are known already
    read_files.clear()
    assert read_snapshots(warehouse) == newest
    assert publish.unfinished_publications(warehouse) == []
    assert not read_files


def test_a_log_that_tells_of_no_rows_is_read_whole(place: Path, monkeypatch: pytest.MonkeyPatch):
    """As of files that were written before statistics told of releases and numbers."""
    warehouse = Warehouse.at(str(place / "lake"))

    def counts_alone(metadata: pq.FileMetaData, table: Table) -> dict[str, Any]:
        return {"numRecords": metadata.num_rows}

    monkeypatch.setattr(staging, "delta_statistics", counts_alone)
    publish_each(warehouse, EACH, EACH + 1)
    monkeypatch.undo()
    publish_each(warehouse, EACH + 1, EACH + 2)
    assert read_snapshots(warehouse) == whole_history(warehouse)
    assert {snapshot.number for snapshot in read_snapshots(warehouse).values()} == {EACH + 2}


def test_files_that_were_brought_together_are_read(place: Path, settings: Settings):
    warehouse = Warehouse.at(str(place / "lake"))
    before = every_snapshot(warehouse)
    upkeep.maintain(lake_settings(place, settings), ["snapshots", "publications"], 720, is_dry=False)
    together = delta_log.existing_table(warehouse, "snapshots").file_actions
    assert len(together) == 1
    assert sorted(every_snapshot(warehouse), key=str) == sorted(before, key=str)
    publish_each(warehouse, 90, 91)
    assert read_snapshots(warehouse) == whole_history(warehouse)


def test_logs_get_a_checkpoint_every_ten_commits(place: Path):
    warehouse = Warehouse.at(str(place / "lake"))
    for name in ("snapshots", "publications", "classes"):
        files = delta_commits.log_files(warehouse, name)
        newest = max(file.version for file in files if file.kind == "commit")
        checkpoints = {file.version for file in files if file.kind == "checkpoint"}
        assert newest >= 10
        assert newest - max(checkpoints) < 10, name
