"""All files of the report: pages, and the numbers of their plots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from oilake.jobs.plotting.overview_page import overview_page
from oilake.jobs.plotting.release_page import release_address, release_page
from oilake.jobs.plotting.release_sections import PlotSection, class_sections
from oilake.jobs.surveying.class_counts import count_boxes, count_labels
from oilake.jobs.surveying.locked_engine import LockedEngine
from oilake.jobs.surveying.pinned_view import PinnedView
from oilake.jobs.tables.warehouse import Warehouse


class ReportSite(NamedTuple):
    """`files`: all of it by path below the site's folder; `plots`: how many it shows."""

    files: dict[str, bytes]
    releases: list[str]
    plots: int


def report_site(warehouse: Warehouse) -> ReportSite:
    """The report on all that is published at one moment. StoreError where the tables cannot be read."""
    view = PinnedView(LockedEngine(warehouse), warehouse)
    pages: dict[str, str] = {}
    shown: list[PlotSection] = []
    for release in view.releases:
        sections = list(class_sections(release, count_labels(view, release), count_boxes(view, release)))
        shown += sections
        pages[release_address(release)] = release_page(view, release, sections, None)
    pages["index.html"] = overview_page(view, [], {})
    numbers = _number_files(shown)
    files = {path: text.encode("utf-8", "backslashreplace") for path, text in (pages | numbers).items()}
    return ReportSite(files, list(view.releases), len(numbers))


def _number_files(sections: Sequence[PlotSection]) -> dict[str, str]:
    return {plot.csv_path: plot.csv_text() for section in sections for plot in section.plots}
