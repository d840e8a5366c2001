"""All files of the report: pages, and the numbers of their plots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from oilake.jobs.plotting.overview_page import overview_page
from oilake.jobs.plotting.release_page import release_address, release_page
from oilake.jobs.plotting.release_sections import (
    PlotSection,
    agreement_sections,
    box_section,
    class_sections,
    flow_sections,
    hierarchy_section,
)
from oilake.jobs.plotting.tree_page import tree_address, tree_page
from oilake.jobs.plotting.warning_sections import promise_sections, reason_sections
from oilake.jobs.surveying.class_counts import count_boxes, count_labels
from oilake.jobs.surveying.class_tree import read_tree
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
    counts = {release: (count_labels(view, release), count_boxes(view, release)) for release in view.releases}
    trees = {release: roots for release in counts if (roots := read_tree(view, release, *counts[release]))}
    addresses = {release: tree_address(release) for release in trees}
    for release, (labels, boxes) in counts.items():
        roots = trees.get(release, [])
        sections = [
            *class_sections(release, labels, boxes),
            *agreement_sections(view, release),
            box_section(view, release),
            hierarchy_section(release, roots),
            *promise_sections(view, release),
            *reason_sections(view, release),
        ]
        shown += sections
        pages[release_address(release)] = release_page(view, release, sections, addresses.get(release))
    pages |= {addresses[release]: tree_page(release, roots, addresses) for release, roots in trees.items()}
    flow = flow_sections(view) if counts else []
    pages["index.html"] = overview_page(view, flow, addresses)
    numbers = _number_files([*flow, *shown])
    files = {path: text.encode("utf-8", "backslashreplace") for path, text in (pages | numbers).items()}
    return ReportSite(files, list(view.releases), len(numbers))


def _number_files(sections: Sequence[PlotSection]) -> dict[str, str]:
    return {plot.csv_path: plot.csv_text() for section in sections for plot in section.plots}
