"""The site of `oilake report` from disk in a real browser: nothing complains, nothing is asked, keys reach the tree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.chromium import Page, open_browser, unreached
from tests.support.report_folder import PAGES, write_odd_report, write_report

pytestmark = pytest.mark.slow

FOCUSED = "document.activeElement.querySelector('.name').textContent"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def odd_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_odd_report(tmp_path_factory.mktemp("odd"))


@pytest.fixture(scope="module")
def page(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.mark.parametrize("name", PAGES)
def test_a_page_complains_of_nothing_and_asks_nobody(page: Page, folder: Path, name: str):
    page.requests.clear()
    page.complaints.clear()
    address = (folder / f"{name}.html").as_uri()
    page.open(address)
    page.value("new Promise(done => setTimeout(done, 200))")
    assert page.complaints == []
    assert page.requests == [address]


@pytest.mark.parametrize("name", PAGES)
def test_a_narrow_screen_shows_every_page_without_moving_sideways(page: Page, folder: Path, name: str):
    page.resize(375, 700)
    page.open((folder / f"{name}.html").as_uri())
    assert page.value("document.documentElement.scrollWidth") <= 375


@pytest.mark.parametrize("width", [375, 1200])
@pytest.mark.parametrize("name", ["index", "release-v3", "hierarchy-v3"])
def test_one_partial_release_with_names_of_2000_characters_is_shown(
    page: Page, odd_folder: Path, name: str, width: int
):
    page.complaints.clear()
    page.resize(width, 700)
    page.open((odd_folder / f"{name}.html").as_uri())
    assert page.value("document.documentElement.scrollWidth") <= width
    assert page.value("document.querySelectorAll('img, script:not([id])').length") == 0
    assert page.complaints == []


@pytest.mark.parametrize("name", PAGES)
def test_tab_alone_reaches_everything(page: Page, folder: Path, name: str):
    page.resize(1000, 800)
    page.open((folder / f"{name}.html").as_uri())
    assert unreached(page) == []


def test_keys_walk_in_the_tree(page: Page, folder: Path):
    page.resize(1000, 800)
    page.open((folder / "hierarchy-v4.html").as_uri())
    page.value("document.querySelector('[role=treeitem]').focus()")
    page.press("ArrowRight", 39)
    assert page.value(FOCUSED) == "Animal"
    page.press("End", 35)
    assert page.value(FOCUSED) == "Tree & <b>bush</b>"
    page.press("ArrowLeft", 37)
    assert page.value(FOCUSED) == "Dog"
    page.press("ArrowLeft", 37)
    assert page.value("document.activeElement.getAttribute('aria-expanded')") == "false"
    page.press("ArrowDown", 40)
    assert page.value(FOCUSED) == "Dog", "nothing is shown below it"
    assert page.value("[...document.querySelectorAll('[role=treeitem]')].filter(e => e.tabIndex === 0).length") == 1


def test_a_search_shows_every_place_of_a_class(page: Page, folder: Path):
    page.open((folder / "hierarchy-v4.html").as_uri())
    page.value("document.getElementById('close-all').click()")
    page.value("document.getElementById('sought').focus()")
    for letter in "cat":
        page.press(letter, ord(letter.upper()), letter)
    assert page.value("document.getElementById('hits').textContent") == "2 places"
    shown = "[...document.querySelectorAll('[role=treeitem]')].filter(e => e.checkVisibility())"
    names = page.value(f"{shown}.map(e => e.querySelector('.name').textContent)")
    assert names == ["without a name", "Animal", "Cat", "Dog", "Cat"]
