"""The first page of the report: every release at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from oilake.conf.registry import SUBSETS
from oilake.jobs.plotting.release_page import release_address
from oilake.jobs.plotting.release_sections import PlotSection
from oilake.jobs.reporting.html import GridColumn, render
from oilake.jobs.surveying.pinned_view import PinnedView

GLANCED = ("labels", "boxes", "masks", "relationships", "points", "narratives", "classes", "quarantine")
COLUMNS = (
    GridColumn("release"),
    GridColumn("state"),
    *(GridColumn(f"images, {subset}", "number") for subset in SUBSETS),
    *(GridColumn(table, "number") for table in GLANCED),
)


class ReleaseGlance(NamedTuple):
    """A release in one row: its page, whether it is complete, and rows by what they are; None where it has none."""

    release: str
    address: str
    status: str
    counts: Sequence[int | None]


def overview_page(view: PinnedView, sections: Sequence[PlotSection], trees: dict[str, str]) -> str:
    """The whole HTML document; `trees`: the address of the hierarchy's page by release."""
    glances = [glance_at(view, release) for release in view.releases]
    return render(
        "overview_page.html",
        place=view.place,
        columns=COLUMNS,
        glances=glances,
        notes=view.notes,
        sections=sections,
        trees=trees,
    )


def glance_at(view: PinnedView, release: str) -> ReleaseGlance:
    """What a release holds, by the log alone."""
    images = view.table_slice("images", release)
    by_subset = images.rows_by("subset") if images else {}
    slices = [view.table_slice(table, release) for table in GLANCED]
    counts = [by_subset.get(subset) for subset in SUBSETS] + [rows.rows or None if rows else None for rows in slices]
    return ReleaseGlance(release, release_address(release), view.snapshot(release).status, counts)
