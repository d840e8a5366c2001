"""Every kind of page of report, hierarchy and viewer under axe-core: nothing serious or critical, wide or narrow.

A run of its own: axe-core is put into the page past its policy, which the other runs hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import axe
from tests.support.chromium import Page, open_browser
from tests.support.report_folder import PAGES as REPORT_PAGES
from tests.support.report_folder import write_report
from tests.support.viewer_process import PAGES, serve_view_lake

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def script() -> str:
    return axe.require_axe()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_browser(tmp_path_factory.mktemp("browser")) as opened:
        opened.send("Page.setBypassCSP", enabled=True)
        yield opened


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve_view_lake(tmp_path_factory.mktemp("viewer")) as served:
        yield served


@pytest.mark.parametrize("width", [1200, 375])
@pytest.mark.parametrize("name", REPORT_PAGES)
def test_a_page_of_the_report_can_be_used_by_all(page: Page, folder: Path, script: str, name: str, width: int):
    page.resize(width, 800)
    page.open((folder / f"{name}.html").as_uri())
    assert axe.grave_findings(page, script) == []


@pytest.mark.parametrize("width", [1200, 375])
@pytest.mark.parametrize(
    "path", [*PAGES, "/browse?release=v9", "/browse?release=v3&blob=missing", "/classes?q=nothing"]
)
def test_a_page_of_the_viewer_can_be_used_by_all(page: Page, address: str, script: str, path: str, width: int):
    page.resize(width, 800)
    page.open(address + path)
    page.value("document.querySelectorAll('details').forEach(each => each.open = true)")
    page.value("new Promise(done => setTimeout(done, 300))")
    assert axe.grave_findings(page, script) == []


def test_it_finds_what_is_wrong(page: Page, address: str, script: str):
    """So that its silence above means something."""
    page.open(f"{address}/")
    page.value("document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=\"/icon.svg\"><input>'); 0")
    rules = {finding.partition(":")[0] for finding in axe.grave_findings(page, script)}
    assert rules == {"image-alt", "label"}
