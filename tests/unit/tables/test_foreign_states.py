"""A table that was made anew, or put back from a copy, counts its versions again: no snapshot takes them for its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from oilake.jobs import cli
from oilake.jobs.tables import ddl, slice_versions
from oilake.jobs.tables.published_slices import current_slice, lost_rows_sentence
from oilake.jobs.tables.slice_versions import LostRowsError
from oilake.jobs.tables.snapshots import read_snapshots
from oilake.jobs.tables.warehouse import Warehouse
from tests.support import publications
from tests.support.warehouses import spark_is_not_needed

TABLES = ["labels", "classes"]


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    place = Warehouse.at(str(tmp_path / "lake"))
    ddl.ensure_tables(spark_is_not_needed, place)
    return place


def publish(warehouse: Warehouse, release: str, run: str, rows: int) -> None:
    publications.publish_rows(warehouse, run, rows, release, TABLES)


def test_an_older_copy_that_reaches_the_version_is_not_taken_for_it(warehouse: Warehouse, tmp_path: Path) -> None:
    folder = Path(warehouse.table_uri("labels"))
    publish(warehouse, "v3", "first", 3)
    shutil.copytree(folder, tmp_path / "old")
    publish(warehouse, "v3", "second", 5)
    pin = read_snapshots(warehouse)["v3"]
    assert current_slice(warehouse, "labels", pin).version == pin.table_versions["labels"]
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "old", folder)
    publish(warehouse, "v2", "other", 7)
    with pytest.raises(
        LostRowsError, match="an older state of the table was put back; run `oilake ingest --release v3`"
    ):
        current_slice(warehouse, "labels", pin)
    assert "put back" in str(lost_rows_sentence(warehouse, pin, "ingest")), "so that a rerun makes them again"
    newest = read_snapshots(warehouse)["v2"]
    assert current_slice(warehouse, "labels", newest).version == newest.table_versions["labels"]


def test_a_table_that_is_gone_or_made_anew_has_lost_its_rows(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slice_versions, "CLOCKS_APART", 0)
    publish(warehouse, "v2", "first", 3)
    publish(warehouse, "v3", "other", 5)
    pin = read_snapshots(warehouse)["v2"]
    shutil.rmtree(warehouse.table_uri("labels"))
    with pytest.raises(LostRowsError, match="the table is gone; run `oilake ingest --release v2` to make them again"):
        current_slice(warehouse, "labels", pin)
    ddl.ensure_tables(spark_is_not_needed, warehouse)
    publish(warehouse, "v3", "again", 5)
    with pytest.raises(LostRowsError, match="made anew after v2 was published"):
        current_slice(warehouse, "labels", pin)
    assert current_slice(warehouse, "labels", read_snapshots(warehouse)["v3"]).version == 1
    assert current_slice(warehouse, "classes", pin).version == pin.table_versions["classes"]


def test_status_tells_of_a_table_that_is_gone(
    warehouse: Warehouse, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(warehouse, "v3", "first", 3)
    words = ["status", "--warehouse", str(warehouse), "--landing", str(tmp_path)]
    assert cli.main(words) == 0
    shutil.rmtree(warehouse.table_uri("labels"))
    assert cli.main(words) == 1
    assert "labels: the table is gone; run `" in capsys.readouterr().out
