"""Every page of the viewer: what is hard to show is shown, and as text."""

from __future__ import annotations

import html
import re
import shutil
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from oilake.jobs.tables.snapshots import INGEST
from oilake.jobs.viewing.selection import FIELDS
from tests.support import view_lake
from tests.support.releases import CAT, DOG, TREE, image_id
from tests.support.view_lake import ANIMAL, LONG, MARKUP, MOST_BOXES
from tests.unit.viewing.conftest import Open

FIRST = image_id(0)
ADDRESSES = (
    "/", "/classes", "/classes?q=do&release=v2", "/browse", "/browse?release=v2", f"/browse?release=v3&mid={DOG}",
    f"/browse?release=v3&mid={ANIMAL}&below=1&verdict=positive&source=human&subset=train", "/browse?release=v3&conflict=1",
    "/browse?release=v3&since=v2&change=image_changes:added", "/browse?release=v3&blob=missing",
    "/browse?release=v3&license=/by/2.0",
    "/browse?release=v3&contradiction=box_of_denied_class", "/changes?release=v3", "/changes",
    f"/selection?release=v3&mid={DOG}",
    "/ids.txt?release=v3&subset=validation", f"/image/{FIRST}", f"/image/{FIRST}?release=v3",
    f"/image/{MOST_BOXES}?release=v3", f"/image/{FIRST}/history", f"/image/{FIRST}/compare",
    f"/image/{FIRST}/compare?left=v2&right=v5", "/viewer.css", "/viewer.js", "/icon.svg",
)  # fmt: skip


@pytest.mark.lengthy
@pytest.mark.parametrize("address", ADDRESSES)
def test_every_page_is_shown_and_nothing_in_it_runs(browser: TestClient, address: str):
    answer = browser.get(address)
    assert answer.status_code == 200
    assert "'unsafe" not in answer.headers["Content-Security-Policy"]
    if answer.headers["Content-Type"].startswith("text/html"):
        assert re.findall(r"<script[^>]*>", answer.text) == ["<script src='/viewer.js' defer>"]
        assert not re.search(r"<[^>]*\s(on\w+|style)=", answer.text)
        assert "javascript:" not in "".join(re.findall(r"href='([^']*)'", answer.text))


@pytest.mark.lengthy
@pytest.mark.parametrize(
    "address",
    [
        "/image/no-image", f"/image/{'f' * 16}", "/find?id=none", "/browse?release=v9", "/browse?verdict=maybe",
        "/browse?change=label_changes:flipped", "/browse?release=v3&since=v2&change=label_changes:x", "/browse?mid=Unicorn",
        "/browse?release=v5&verdict=positive",
        "/ids.txt?release=v5&verdict=positive", "/changes?release=v3&since=v5", "/browse?contradiction=any", "/no-page",
        f"/browse?mid={'x' * 300}",
    ],
)  # fmt: skip
def test_what_cannot_be_shown_is_said_in_one_sentence(browser: TestClient, address: str):
    answer = browser.get(address)
    assert answer.status_code == 404
    assert "Traceback" not in answer.text


@pytest.mark.lengthy
@pytest.mark.parametrize("value", ["%00%ED%A0%80", "' OR 1=1 --%22%3Cb%3E%25"])
def test_no_value_in_an_address_breaks_a_page(browser: TestClient, value: str):
    for name in (*FIELDS, "count", "part"):
        assert browser.get(f"/browse?release=v3&since=v2&{name}={value}").status_code in (200, 404), name
    for path in (f"/classes?q={value}", f"/find?id={value}", f"/image/{FIRST}?release={value}", f"/image/{value}"):
        assert browser.get(path).status_code in (200, 404), path


def test_titles_and_authors_are_text(browser: TestClient):
    answer = browser.get(f"/image/{FIRST}?release=v3").text
    assert "<img src=x" not in answer
    assert html.escape(MARKUP, quote=False) in answer.replace("&#39;", "'").replace("&#34;", '"')
    assert f"({view_lake.SCRIPT_ADDRESS})" in answer
    assert LONG.strip() in browser.get(f"/image/{image_id(1)}?release=v3").text


def test_a_class_whose_name_is_markup_has_no_image(browser: TestClient):
    answer = browser.get("/browse", params={"release": "v3", "mid": TREE}).text
    assert "No image is in this selection" in answer
    assert "<b>bush" not in answer
    assert "&lt;b&gt;bush" in browser.get("/classes?q=tree").text


def test_five_hundred_boxes_are_drawn_and_their_names_wait(browser: TestClient):
    answer = browser.get(f"/image/{MOST_BOXES}?release=v3").text
    assert len(re.findall(r"<rect class='line'", answer)) == 500
    assert "id='names'>" in answer
    assert "id='boxes' checked>" in answer


def test_attributes_have_styles_and_the_unknown_one_is_unknown(browser: TestClient):
    answer = browser.get(f"/image/{FIRST}?release=v3").text
    assert "<g class='mark occluded unknown'>" in answer
    assert "xclick; occluded, truncated: unknown" in answer


def test_checks_of_blobs_are_told(browser: TestClient):
    answer = browser.get(f"/image/{FIRST}?release=v3").text
    assert f"verified: <code>/photos/dogs/{FIRST}.jpg</code> <small>2026-01-01 00:00 UTC" in answer


def test_contradictions_are_told_and_found(browser: TestClient):
    answer = browser.get(f"/image/{image_id(7)}?release=v3").text
    assert "box of denied class</strong>, <a" in answer
    assert "human says yes,\ncrowdsource says no." in answer
    page = browser.get("/browse?release=v3&contradiction=box_of_denied_class").text
    assert re.findall(r"href='/image/([0-9a-f]{16})\?", page) == [image_id(7)]
    assert "<option value='human_against_crowd'>" in page


def test_masks_points_and_relationships_are_drawn_upright(browser: TestClient):
    """The image lies on its side: a quarter turn makes 1024 by 768 into 768 by 1024."""
    answer = browser.get(f"/image/{FIRST}?release=v5").text
    assert "viewBox='0 0 768 1024'" in answer
    assert "transform='translate(0 1024) rotate(-90)'" in answer
    assert "<g class='dot unsure'><circle cx='576.0' cy='768.0'" in answer
    assert "Cat on Tree &amp; &lt;b&gt;bush&lt;/b&gt;" in answer
    assert "Cat is Plastic" in answer
    assert "0000000a.png; predicted IoU 0.90" in answer
    assert answer.count("class='dot click-") == 2
    assert "<polyline class='trace' points='0.0,1024.0 192.0,512.0'>" in answer
    assert "<blockquote dir='auto'>A cat. &lt;script&gt;" in answer
    assert "votes: yes 1, no unknown, unsure unknown" in answer


def test_the_history_tells_every_release_and_change(browser: TestClient):
    answer = browser.get(f"/image/{image_id(4)}/history").text
    assert "Dog flipped, negative\nto positive" in answer
    assert answer.count("<th scope='row'>") == 3
    assert "not listed" in answer
    part = browser.get(f"/image/{image_id(4)}/history?part=1").text
    assert part.startswith("<div")
    assert part.strip() in answer


def test_an_image_of_no_release_named_is_shown_in_the_newest_that_has_it(browser: TestClient):
    assert "in v5</h1>" in browser.get(f"/image/{image_id(2)}").text
    assert "in v3</h1>" in browser.get(f"/image/{image_id(100)}").text
    assert browser.get(f"/find?id=0x{FIRST}").headers["Location"] == f"/image/{FIRST}"


@pytest.mark.lengthy
def test_an_empty_warehouse_says_so_and_shows_what_is_published_then(tmp_path: Path, open_viewer: Open):
    place = view_lake.make_tables(str(tmp_path / "lake"))
    client = open_viewer(place)
    assert "Nothing is published" in client.get("/").text
    for address in ("/browse", "/classes", "/changes", f"/image/{FIRST}", f"/image/{FIRST}/compare", "/ids.txt"):
        assert client.get(address).status_code == 404
    assert client.get(f"/image/{FIRST}/history").status_code == 200
    assert "Nothing is published" in open_viewer(tmp_path / "no such folder").get("/").text
    view_lake.publish_rows(place, "v2", INGEST, {"images": [view_lake.image("v2", 0)]}, status="partial")
    assert ", partial" in client.get("/").text
    assert image_id(0) in client.get("/browse").text


@pytest.mark.lengthy
def test_a_release_that_is_published_again_is_seen(view_place: str, tmp_path: Path, open_viewer: Open):
    place = shutil.copytree(view_place, tmp_path / "lake")
    client = open_viewer(place)
    assert "0 images" not in client.get("/browse?release=v5").text
    view_lake.publish_rows(str(place), "v5", INGEST, {"images": [view_lake.image("v5", 7)]})
    page = client.get("/browse?release=v5").text
    assert image_id(7) in page
    assert FIRST not in page


@pytest.mark.lengthy
def test_files_that_are_gone_are_a_sentence_and_not_the_end(view_place: str, tmp_path: Path, open_viewer: Open):
    place = shutil.copytree(view_place, tmp_path / "lake")
    client = open_viewer(place)
    assert client.get(f"/browse?release=v3&mid={CAT}").status_code == 200
    for file in (place / "class_images").rglob("*.parquet"):
        file.unlink()
    answer = client.get(f"/browse?release=v3&mid={CAT}")
    assert answer.status_code == 503
    assert "; ask again" in answer.text
    assert "files are gone" in client.get("/").text


def test_names_that_would_stand_over_each_other_are_not_shown_at_first(tmp_path: Path, open_viewer: Open):
    place = view_lake.make_tables(str(tmp_path / "lake"))
    near = [view_lake.box("v3", 0, DOG, x_min=0.1 + n / 100, x_max=0.3, y_min=0.1, y_max=0.3) for n in range(2)]
    apart = [view_lake.box("v3", 1, DOG, x_min=0.1 + n / 2, x_max=0.9, y_min=0.1, y_max=0.3) for n in range(2)]
    view_lake.publish_rows(place, "v3", INGEST, {"boxes": [*near, *apart], **view_lake.class_rows("v3")})
    client = open_viewer(place)
    shown = [" checked" in client.get(f"/image/{image_id(n)}").text.partition("id='names'")[2][:10] for n in (0, 1)]
    assert shown == [False, True]
