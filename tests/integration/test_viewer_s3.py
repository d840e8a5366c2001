"""The viewer over a warehouse and pictures on S3."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from oilake.conf.settings import Settings
from oilake.conf.storage import Storage
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.viewing.blob_pictures import open_places
from oilake.jobs.viewing.mask_overlays import MaskPlaces
from oilake.jobs.viewing.view_address import view_address
from oilake.jobs.viewing.view_app import make_app
from oilake.jobs.viewing.view_watch import ViewWatch
from tests.support import s3_server, view_lake
from tests.support.releases import DOG, image_id
from tests.unit.viewing.test_pictures import jpeg

pytestmark = pytest.mark.slow

FIRST = image_id(0)
SAME = (
    "/",
    f"/browse?release=v3&mid={DOG}&verdict=positive",
    "/browse?release=v2",
    f"/image/{FIRST}/history",
    "/ids.txt",
)


def client(settings: Settings, *places: str) -> TestClient:
    watch = ViewWatch(Warehouse.of(settings))
    app = make_app(watch, open_places(places, settings), MaskPlaces(settings), view_address("127.0.0.1", 0, []))
    return TestClient(app, base_url="http://127.0.0.1")


def test_pages_are_the_same_on_s3(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch):
    s3_server.set_variables(monkeypatch)
    local = view_lake.fill(view_lake.make_tables(str(tmp_path / "lake")))
    shutil.copytree(local, tmp_path / "buckets" / "lake" / "warehouse")
    photo = tmp_path / "buckets" / "lake" / "photos" / "train" / f"{FIRST}.jpg"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(jpeg())
    with s3_server.running_or_skip(tmp_path / "buckets", s3_server.SECRET) as endpoint:
        storage = Storage(endpoint=endpoint, region="us-east-1")
        remote = replace(settings, warehouse="s3://lake/warehouse", storage=storage)
        on_s3, on_disk = (
            client(remote, "s3://lake/photos"),
            client(replace(settings, warehouse=local), str(photo.parents[1])),
        )
        for address in (*SAME, f"/image/{FIRST}?release=v3", f"/image/{FIRST}?release=v5"):
            there, here = on_s3.get(address), on_disk.get(address)
            assert there.status_code == here.status_code == 200, (address, there.text)
            assert there.text.replace("s3://lake/warehouse", local) == here.text
        assert on_s3.get(f"/picture/v3/train/{FIRST}").content == jpeg()
        assert on_s3.get(f"/picture/v3/train/{image_id(1)}").status_code == 404
        assert "no picture" in on_s3.get(f"/small/train/{image_id(1)}").text
