"""Selections: whole and without repeats over their pages, and equal to what independent queries count."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from starlette.testclient import TestClient

from oilake.jobs.surveying.view_slice import ViewFile, ViewSlice
from oilake.jobs.tables.row_query import RowQuery, select_rows
from oilake.jobs.tables.snapshots import INGEST
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.viewing import image_pages
from oilake.jobs.viewing.exported_selection import export_selection
from oilake.jobs.viewing.selection import FIELDS, Selection
from tests.support import table_readers, view_lake
from tests.support.releases import CAT, DOG, image_id
from tests.support.view_lake import ANIMAL
from tests.unit.viewing.conftest import Open

NEXT = re.compile(r"class='next' href='([^']*)'")
TILE = re.compile(r"<li><a href='/image/([0-9a-f]{16})\?")
LABELS, IMAGES = "SELECT DISTINCT image_id FROM image_labels WHERE", "SELECT image_id FROM images WHERE"
CHOICES = {
    "": f"{IMAGES} true",
    "subset=validation": f"{IMAGES} subset = 'validation'",
    "license=/BY/3.0": f"{IMAGES} contains(license, '/by/3.0')",
    f"mid={DOG}": f"{LABELS} mid = '{DOG}'",
    f"mid={DOG}&verdict=positive&subset=train": f"{LABELS} mid = '{DOG}' AND verdict = 'positive' AND subset = 'train'",
    f"mid={ANIMAL}&below=1": f"{LABELS} mid IN ('{ANIMAL}', '{DOG}', '{CAT}')",
    "verdict=negative&source=crowdsource": f"{LABELS} verdict = 'negative' AND decided_by = 'crowdsource'",
    "conflict=1": f"{LABELS} is_conflict",
    f"mid={DOG}&license=/by/2.0": f"{LABELS} mid = '{DOG}' AND image_id IN ({IMAGES} contains(license, '/by/2.0'))",
}
CHANGED = {
    "change=image_changes:added": "SELECT image_id FROM image_changes WHERE change = 'added'",
    f"change=image_changes:added&mid={CAT}": f"{LABELS} mid = '{CAT}' AND image_id IN (SELECT image_id FROM image_changes)",
    f"change=label_changes:flipped&mid={CAT}": "SELECT image_id FROM images WHERE false",
    "change=label_changes:flipped": "SELECT image_id FROM label_changes WHERE change = 'flipped'",
}


def independent_ids(place: str, release: str, query: str) -> list[str]:
    """What DuckDB finds in rows that the deltalake package reads."""
    connection = duckdb.connect()
    pin: dict[str, Any] = table_readers.newest(place, release) or {}
    for table in ("images", "image_labels", "image_changes", "label_changes"):
        if table in pin["table_versions"]:
            connection.register(table, pa.Table.from_pylist(table_readers.rows(place, table, release)))
        elif f"{table} since v2" in pin["table_versions"]:
            connection.register(table, pa.Table.from_pylist(table_readers.now(place, table)))
    return sorted(row[0] for row in connection.sql(query).fetchall())


def shown_ids(browser: TestClient, address: str) -> list[str]:
    """The images of all pages, as they follow each other."""
    ids = []
    while address:
        page = browser.get(address).text
        ids += TILE.findall(page)
        following = NEXT.search(page)
        address = following[1].replace("&amp;", "&") if following else ""
    return ids


@pytest.mark.lengthy
@pytest.mark.parametrize("release", ["v2", "v3"])
@pytest.mark.parametrize("choice", CHOICES)
def test_the_pages_of_a_selection_are_what_an_independent_query_finds(
    browser: TestClient, view_place: str, choice: str, release: str, monkeypatch: pytest.MonkeyPatch
):
    """V2 has no class_images, V3 has."""
    monkeypatch.setattr(image_pages.read_page, "__defaults__", (25,))
    wanted = independent_ids(view_place, release, CHOICES[choice])
    address = f"/browse?release={release}&{choice}"
    assert shown_ids(browser, address) == wanted
    assert browser.get(f"/ids.txt?release={release}&{choice}").text.split() == wanted
    first = browser.get(address).text
    assert f"<p>{len(wanted):,}\n{'image' if len(wanted) == 1 else 'images'} ·" in first
    assert ("Slow:" in first) == ("mid=" in choice and release == "v2")


@pytest.mark.lengthy
@pytest.mark.parametrize("choice", CHANGED)
def test_the_images_of_a_change_are_what_an_independent_query_finds(browser: TestClient, view_place: str, choice: str):
    wanted = independent_ids(view_place, "v3", CHANGED[choice])
    assert shown_ids(browser, f"/browse?release=v3&since=v2&{choice}") == wanted


def test_spans_of_many_files_lose_and_repeat_nothing():
    ends = [f"{n:02}" for n in range(1, 40)]
    files = tuple(ViewFile("", {}, 1, "00", most) for most in ends)
    spans = list(image_pages._id_spans(ViewSlice("images", files), "03", True))
    assert spans[0].after == "03"
    assert spans[-1].last is None
    assert [span.after for span in spans[1:]] == [span.last for span in spans[:-1]]
    assert len(spans) > 2


@pytest.mark.lengthy
def test_the_numbers_of_the_first_page_are_those_of_the_tables(browser: TestClient, view_place: str):
    page = browser.get("/").text
    cells = {name: re.findall(r"<td class='number'>(.*?)</td>", rest) for name, rest in re.findall(
        r"<th scope='row'>(?:<code>)?([^<]*)(?:</code>)?</th>(.*?)</tr>", page, re.DOTALL)}  # fmt: skip
    for table in ("images", "boxes", "image_labels", "class_images"):
        counts = []
        for release in ("v5", "v3", "v2"):
            pin = table_readers.newest(view_place, release)
            is_there = pin is not None and table in pin["table_versions"]
            counts.append(f"{len(table_readers.rows(view_place, table, release)):,}" if is_there else "–")
        assert cells[table] == counts


def test_the_counts_of_a_class_and_of_changes_are_those_of_the_tables(browser: TestClient, view_place: str):
    rows = [row for row in table_readers.rows(view_place, "image_labels") if row["mid"] == DOG]
    page = browser.get(f"/browse?release=v3&mid={DOG}").text
    for verdict in ("positive", "unverified"):
        assert f">{sum(row['verdict'] == verdict for row in rows):,} {verdict}<" in page
    assert ">70</a>" in browser.get("/changes?release=v3&since=v2").text


def test_an_address_says_all_of_a_selection():
    selection = Selection(**{name: name for name in FIELDS})
    assert selection.address_query() == "&".join(f"{name}={name}" for name in FIELDS)


@pytest.mark.lengthy
@pytest.mark.parametrize("text", ["/by/2.0", "it's", "x'; DROP \\", "\\'"])
def test_a_condition_that_is_written_out_is_one_that_show_takes(text: str, view_place: str):
    where = export_selection(Selection("v3", license=text), [], view_place).where
    asked = RowQuery("images", "v3", ("image_id",), where)
    shown = select_rows(Warehouse.at(view_place), asked)["image_id"].to_pylist()
    images = table_readers.rows(view_place, "images", "v3")
    assert sorted(shown) == sorted(row["image_id"] for row in images if text.lower() in (row["license"] or "").lower())


def test_a_selection_is_written_out_as_one_condition_or_as_a_list():
    chosen = Selection("v3", mid=DOG, verdict="positive", subset="train")
    export = export_selection(chosen, [DOG], "/my lake")
    assert export.where == f"mid = '{DOG}' AND subset = 'train' AND verdict = 'positive'"
    assert export.download == (
        f"oilake download --mid={DOG} --verdict=positive --subset=train --to FOLDER --release v3 --warehouse '/my lake'"
    )
    hostile = export_selection(Selection("v3", license="x'; DROP \\"), [], "lake")
    assert hostile.where == r"contains(lower(license), 'x''; drop \')"
    listed = export_selection(Selection("v3", blob="missing"), [], "lake")
    assert (listed.where, listed.listed) == (None, True)
    assert "--images ids.txt" in listed.download


@pytest.mark.lengthy
def test_a_release_without_a_list_of_images_shows_those_that_it_says_something_of(tmp_path: Path, open_viewer: Open):
    """As excerpts do: first those with labels, else those with boxes."""
    place = view_lake.make_tables(str(tmp_path / "lake"))
    boxes = [view_lake.box("v3", n, DOG, number) for n in range(3) for number in range(2)]
    view_lake.publish_rows(place, "v3", INGEST, {"boxes": boxes, **view_lake.class_rows("v3")}, status="partial")
    client = open_viewer(place)
    assert shown_ids(client, "/browse") == [image_id(n) for n in range(3)]
    assert "<p>3\nimages" in client.get("/browse").text
    view_lake.publish_rows(place, "v3", "reconcile", {"image_labels": [view_lake.label("v3", 7, DOG, "positive")]})
    assert shown_ids(client, "/browse") == [image_id(7)]
