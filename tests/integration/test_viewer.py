"""The viewer as a process, in a real browser: nothing complains, nothing leaves this machine, keys reach it all."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from PIL import Image

from tests.support.chromium import Page, open_browser, unreached
from tests.support.viewer_process import FIRST, PAGES, serve_view_lake

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve_view_lake(tmp_path_factory.mktemp("viewer")) as served:
        yield served


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


@pytest.mark.parametrize("path", PAGES)
def test_keys_alone_reach_everything(page: Page, address: str, path: str):
    page.resize(1000, 800)
    page.open(address + path)
    page.value("new Promise(done => setTimeout(done, 300))")
    assert unreached(page) == []


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


def test_a_mask_is_turned_with_its_picture_and_switched_off(page: Page, address: str):
    """V5 turns the image by 90 degrees counter-clockwise, so that its upper left quarter is shown at the lower left."""
    page.resize(1200, 900)
    page.open(f"{address}/image/{FIRST}?release=v5")
    for layer in ("boxes", "masks", "links", "points"):
        page.value(f"document.querySelector('.switch-{layer}')?.click()")
    left, top, width, height = page.value(
        "(r => [r.left, r.top, r.width, r.height])(document.querySelector('.layer-picture').getBoundingClientRect())"
    )

    def quarters() -> list[tuple[int, ...]]:
        """Colours in the middle of the upper left, upper right, lower left and lower right quarter."""
        seen = Image.open(io.BytesIO(page.picture())).convert("RGB")
        return [seen.getpixel((int(left + width * x), int(top + height * y))) for y in (0.3, 0.7) for x in (0.2, 0.8)]

    assert height > width
    upper_left, upper_right, lower_left, lower_right = quarters()
    assert upper_left == upper_right == lower_right
    assert sum(abs(a - b) for a, b in zip(lower_left, lower_right, strict=True)) > 30
    page.value("document.getElementById('pixels').focus()")
    page.press(" ", 32, " ")
    assert len(set(quarters())) == 1
