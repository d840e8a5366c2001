"""A viewer over a small warehouse, called as a browser calls it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from oilake.conf.settings import Settings
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.viewing.blob_pictures import open_places
from oilake.jobs.viewing.mask_overlays import MaskPlaces
from oilake.jobs.viewing.view_address import view_address
from oilake.jobs.viewing.view_app import make_app
from oilake.jobs.viewing.view_watch import ViewWatch
from tests.support import view_lake

Open = Callable[..., TestClient]


@pytest.fixture(scope="session")
def view_place(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The warehouse of `view_lake`; copied where it is written to."""
    return view_lake.fill(view_lake.make_tables(str(tmp_path_factory.mktemp("view") / "lake")))


@pytest.fixture(scope="session")
def open_viewer(settings: Settings) -> Open:
    """A browser before a viewer of a warehouse, with pictures from places and masks from a landing area."""

    def opened(
        place: str | Path, *places: str, host: str = "127.0.0.1", names: tuple[str, ...] = (), landing: str = "nowhere"
    ) -> TestClient:
        watch = ViewWatch(Warehouse.at(str(place)), clock=iter(range(0, 1_000_000, 10)).__next__)
        app = make_app(
            watch,
            open_places(places, settings),
            MaskPlaces(replace(settings, landing=landing)),
            view_address(host, 0, names),
        )
        return TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)

    return opened


@pytest.fixture(scope="session")
def browser(view_place: str, open_viewer: Open) -> TestClient:
    """A browser before the viewer of `view_place`, without pictures."""
    return open_viewer(view_place)
