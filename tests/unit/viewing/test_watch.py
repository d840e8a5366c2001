"""A look at a warehouse costs two names a table, sees what is published, and keeps what was read of other releases."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from oilake.jobs.surveying import pinned_view
from oilake.jobs.tables import log_heads
from oilake.jobs.tables.snapshots import INGEST
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.viewing.view_watch import ViewWatch
from tests.support import view_lake
from tests.support.releases import image_id


@pytest.fixture
def lake(view_place: str, tmp_path: Path) -> str:
    return str(shutil.copytree(view_place, tmp_path / "lake"))


def watching(place: str) -> ViewWatch:
    """A watch whose clock passes the time between two looks with every question."""
    return ViewWatch(Warehouse.at(place), clock=iter(range(10, 1_000_000, 10)).__next__)


def test_nothing_is_opened_where_nothing_was_published(lake: str, monkeypatch: pytest.MonkeyPatch):
    watch = watching(lake)
    view = watch.newest_view()
    monkeypatch.setattr(log_heads, "newest_version", lambda *_: pytest.fail("the log was read"))
    assert watch.newest_view() is view


def test_what_was_read_of_other_releases_is_not_read_again(lake: str, monkeypatch: pytest.MonkeyPatch):
    watch = watching(lake)
    before = watch.newest_view()
    for release in ("v3", "v5"):
        assert before.table_slice("images", release)
    assert before.table_slice("blob_checks", "v3")
    view_lake.publish_rows(lake, "v5", INGEST, {"images": [view_lake.image("v5", 7)]})
    after = watch.newest_view()
    assert after is not before
    asked: list[tuple[str, str]] = []
    read_slice = pinned_view.read_slice
    monkeypatch.setattr(
        pinned_view, "read_slice", lambda *which: (asked.append((which[1], which[2].release)), read_slice(*which))[1]
    )
    slices = {release: after.table_slice("images", release) for release in ("v3", "v5")}
    after.table_slice("blob_checks", "v3")
    assert asked == [("images", "v5"), ("blob_checks", "v3")]
    assert [slices["v5"].files[0].least, slices["v5"].rows] == [image_id(7), 1]
    assert slices["v3"] == before.table_slice("images", "v3")


@pytest.mark.lengthy
def test_a_warehouse_that_is_made_anew_is_seen(lake: str, tmp_path: Path):
    """Its log is as long as that of the one before, or shorter."""
    watch = watching(lake)
    assert "v3" in watch.newest_view().releases
    shutil.rmtree(lake)
    assert watch.newest_view().releases == {}
    view_lake.make_tables(lake)
    view_lake.publish_rows(lake, "v2", INGEST, {"images": [view_lake.image("v2", 0)]})
    assert list(watch.newest_view().releases) == ["v2"]
