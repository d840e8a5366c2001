"""Report and viewer over the real rows in a real browser: nothing complains, nothing is asked of any host, numbers fit."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from oilake.conf.settings import Settings
from oilake.jobs.report import report
from tests.support import ingest_here, table_readers
from tests.support.chromium import Page, open_browser, unreached
from tests.support.viewer_process import serve_viewer

pytestmark = [pytest.mark.real, pytest.mark.slow]

RELEASES = ("v3", "v4", "v5", "v7")


@pytest.fixture(scope="module")
def lake(settings: Settings, real: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A warehouse of the real rows, which are excerpts: each release is partial."""
    places = replace(settings, warehouse=str(tmp_path_factory.mktemp("real") / "lake"), landing=str(real))
    for name in RELEASES:
        ingest_here.publish_release(places, name, partial=True)
        ingest_here.reconcile_release(places, name)
    return places.warehouse


@pytest.fixture(scope="module")
def site(lake: str, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report(replace(settings, warehouse=lake), tmp_path_factory.mktemp("site") / "report").index.parent


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture(scope="module")
def address(lake: str, real: Path) -> Iterator[str]:
    with serve_viewer(lake, "--landing", str(real)) as served:
        yield served


def assert_silent(page: Page, place: str, own: str) -> None:
    """Opens a page, wide and narrow, which asks nobody but its own."""
    page.complaints.clear()
    page.requests.clear()
    for width in (1200, 375):
        page.resize(width, 800)
        page.open(place)
        page.value("new Promise(done => setTimeout(done, 300))")
        assert page.value("document.documentElement.scrollWidth") <= width, place
    assert page.complaints == []
    assert [request for request in page.requests if not request.startswith(own)] == []


def test_every_page_of_the_report_is_silent(page: Page, site: Path):
    pages = sorted(site.glob("*.html"))
    assert len(pages) > len(RELEASES) + 1
    for each in pages:
        assert_silent(page, each.as_uri(), "file://")


def test_frequencies_of_boxes_are_what_an_independent_query_counts(site: Path, lake: str):
    connection = duckdb.connect()
    connection.register("boxes", pa.Table.from_pylist(table_readers.rows(lake, "boxes", "v4")))
    counts = connection.sql("SELECT mid, count(*) FROM boxes WHERE subset = 'train' GROUP BY mid").fetchall()
    assert counts
    with (site / "numbers" / "v4-boxes-train.csv").open(newline="") as stream:
        assert {row["mid"]: int(row["boxes"]) for row in csv.DictReader(stream)} == dict(counts)


def test_pages_of_the_viewer_are_silent_and_reached_by_keys(page: Page, address: str, lake: str):
    """With an image that has most boxes, one with people's labels, and every release browsed."""
    image = table_readers.rows(lake, "boxes", "v4")[0]["image_id"]
    labelled = table_readers.rows(lake, "image_labels", "v5")[0]
    paths = [f"/browse?release={name}" for name in RELEASES]
    paths += [f"/browse?release=v5&mid={labelled['mid']}", "/classes?release=v7&q=dog", "/", "/changes"]
    paths += [f"/image/{image}?release=v4", f"/image/{labelled['image_id']}?release=v5", f"/image/{image}/compare"]
    for path in paths:
        assert_silent(page, address + path, address)
    assert unreached(page) == []
