"""The site of `oilake report` from disk in a real browser: nothing complains, nothing is asked, keys reach the tree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from oilake.conf import settings
from oilake.jobs.report import report
from tests.support import view_lake
from tests.support.chromium import Page, open_browser

pytestmark = pytest.mark.slow

PAGES = ("index", "release-v2", "release-v3", "release-v4", "release-v5", "hierarchy-v3", "hierarchy-v4")
FOCUSED = "document.activeElement.querySelector('.name').textContent"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = view_lake.add_labels(view_lake.fill(view_lake.make_tables(str(tmp_path_factory.mktemp("report") / "lake"))))
    chosen = settings.environment_settings("local", {"warehouse": place})
    return report(chosen, Path(place).with_name("site")).index.parent


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
