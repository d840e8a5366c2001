"""The viewer as a process, in a real browser: nothing complains, nothing leaves this machine, keys reach it all."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support import view_lake
from tests.support.chromium import Page, open_browser
from tests.support.releases import DOG, image_id
from tests.unit.viewing.test_pictures import jpeg

pytestmark = pytest.mark.slow

FIRST = image_id(0)
FOCUSABLE = "main a[href], main button, main input, main select, main summary, main [tabindex], header a, header input"
VISIBLE = f"[...document.querySelectorAll('{FOCUSABLE}')].filter(e => e.checkVisibility())"
PAGES = (
    "/", "/classes", f"/browse?release=v3&mid={DOG}", "/browse?release=v3&subset=validation", "/changes?release=v3",
    f"/selection?release=v3&mid={DOG}", f"/image/{FIRST}?release=v3", f"/image/{FIRST}?release=v5",
    f"/image/{image_id(1)}?release=v3", f"/image/{image_id(2)}?release=v3", f"/image/{FIRST}/compare?left=v3&right=v5",
    f"/image/{FIRST}/history",
)  # fmt: skip


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where `oilake view` answers, with a picture of one image; interrupted at the end, it ends well."""
    folder = tmp_path_factory.mktemp("viewer")
    place = view_lake.fill(view_lake.make_tables(str(folder / "lake")))
    (folder / "photos" / "train").mkdir(parents=True)
    (folder / "photos" / "train" / f"{FIRST}.jpg").write_bytes(jpeg())
    command = [
        sys.executable,
        "-m",
        "oilake.jobs.view",
        "--warehouse",
        place,
        "--blobs",
        str(folder / "photos"),
        "--port",
        "0",
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    match = re.fullmatch(r"Viewer: (http://127\.0\.0\.1:\d+)/\n", line)
    assert match, (line, process.stderr.read() if process.stderr else "")
    yield match[1]
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")


@pytest.fixture(scope="module")
def page(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.mark.parametrize("path", PAGES)
def test_a_page_complains_of_nothing_and_asks_nobody_else(page: Page, address: str, path: str):
    page.requests.clear()
    page.complaints.clear()
    page.open(address + path)
    page.value("new Promise(done => setTimeout(done, 300))")
    assert page.complaints == []
    assert {request for request in page.requests if not request.startswith(f"{address}/")} == set()
    assert page.requests[0] == address + path
    assert page.value("document.querySelectorAll('h1').length") == 1


def test_the_browser_tells_what_a_page_asks_and_complains_of(page: Page, address: str):
    """So that its silence above means something: an inline script is stopped by the policy, a foreign picture too."""
    page.complaints.clear()
    page.open(f"{address}/")
    page.value(
        "document.body.insertAdjacentHTML('beforeend', '<img src=\"http://evil.example/x.png\" onerror=\"alert(1)\">')"
    )
    page.value("new Promise(done => setTimeout(done, 300))")
    assert any("Content Security Policy" in complaint for complaint in page.complaints)


@pytest.mark.parametrize("path", PAGES)
def test_a_narrow_screen_shows_every_page_without_moving_sideways(page: Page, address: str, path: str):
    page.resize(375, 700)
    page.open(address + path)
    assert page.value("document.documentElement.scrollWidth") <= 375


@pytest.mark.parametrize("path", [f"/image/{FIRST}?release=v3", f"/browse?release=v3&mid={DOG}", "/classes"])
def test_keys_alone_reach_everything(page: Page, address: str, path: str):
    page.open(address + path)
    page.value("new Promise(done => setTimeout(done, 300))")
    page.value(f"window.reached = new Set(); window.sought = {VISIBLE}; 0")
    for _ in range(page.value("sought.length") + 5):
        page.press("Tab", 9)
        page.value("reached.add(document.activeElement); 0")
    assert page.value("sought.filter(e => !reached.has(e)).map(e => e.outerHTML.slice(0, 90))") == []


def test_a_key_switches_a_layer_off_and_on(page: Page, address: str):
    page.open(f"{address}/image/{FIRST}?release=v3")
    shown = "getComputedStyle(document.querySelector('.layer-boxes')).display"
    assert page.value(shown) != "none"
    page.value("document.getElementById('boxes').focus()")
    page.press(" ", 32, " ")
    assert page.value(shown) == "none"
    page.press(" ", 32, " ")
    assert page.value(shown) != "none"


def test_classes_are_found_while_one_types(page: Page, address: str):
    page.open(f"{address}/classes?release=v3")
    page.value("document.querySelector('[name=q]').focus()")
    for letter in "dog":
        page.press(letter, ord(letter.upper()), letter)
    page.value("new Promise(done => setTimeout(done, 500))")
    assert page.value("[...document.querySelectorAll('#list a')].map(e => e.textContent)") == ["Dog"]
    assert page.value("location.search") == "?release=v3&q=dog"


def test_the_picture_lies_under_its_marks(page: Page, address: str):
    """The box of the first image stands at 1/11 of the width and 0 of the height; its picture is 640 by 400."""
    page.resize(1200, 900)
    page.open(f"{address}/image/{FIRST}?release=v3")
    corners = page.value(
        "[document.querySelector('.layer-picture'), document.querySelector('.line')].map(e => e.getBoundingClientRect())"
        ".map(r => [r.left, r.top, r.width, r.height])"
    )
    (left, top, width, height), box = corners
    assert width / height == pytest.approx(640 / 400, rel=0.01)
    assert box == pytest.approx([left + width / 11, top, width * 0.08, height * 0.08], abs=2)
    assert page.value("new Promise(done => { const i = new Image(); i.onload = () => done(i.naturalWidth);"
                      " i.src = document.querySelector('.layer-picture').href.baseVal; })") == 640  # fmt: skip
