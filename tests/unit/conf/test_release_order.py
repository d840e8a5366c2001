"""Which release is the earlier one is told by their numbers, everywhere."""

from __future__ import annotations

import datetime
import shutil
from pathlib import Path

from oilake.conf.registry import packaged_registry
from oilake.conf.release_order import release_number
from oilake.conf.storage import Storage
from oilake.jobs.tables.snapshots import Snapshot, newest_by_release
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.validation.checker import WarehouseContext
from oilake.schemas.release_registry import load_releases

NAMES = ["v1", "v2", "v3", "v4", "v5", "v6", "v7", "v10"]


def snapshot(release: str) -> Snapshot:
    return Snapshot(release, "complete", 1, "run", datetime.datetime(2026, 1, 1), {}, {})


def test_a_number_is_no_text():
    assert sorted(["v10", "v2", "v1"], key=release_number) == ["v1", "v2", "v10"]
    assert release_number("colours") == 0


def test_the_registry_orders_releases_by_their_numbers_whatever_their_dates_are(tmp_path: Path):
    folder = shutil.copytree(str(packaged_registry()), tmp_path / "registry")
    text = (folder / "v1.yaml").read_text().replace("release: v1\n", "release: v10\n").replace("2016_08", "2016_01")
    (folder / "v10.yaml").write_text(text)
    assert list(load_releases(str(folder))) == NAMES


def test_snapshots_and_the_release_before_follow_the_same_order():
    pins = newest_by_release(snapshot(release) for release in ("v10", "v2", "v1"))
    assert list(pins) == ["v1", "v2", "v10"]
    around = WarehouseContext(Warehouse("lake", Storage(), pins))
    assert around._release_before("v10") == "v2"
    assert around._release_before("v1") is None
