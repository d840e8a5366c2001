"""The page of one release: its published tables recomputed, and its plots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from oilake.conf.file_names import file_name
from oilake.jobs.plotting.release_sections import PlotSection
from oilake.jobs.reporting.html import GridColumn, render
from oilake.jobs.surveying.pinned_view import PinnedView
from oilake.jobs.surveying.published_figures import Figure, figure_names, sort_figures
from oilake.jobs.surveying.release_flow import count_rows

FIGURE_COLUMNS = (
    GridColumn("figure"),
    GridColumn("of"),
    GridColumn("recomputed", "number"),
    GridColumn("published", "number"),
    GridColumn("difference", "number"),
)


class FigureSection(NamedTuple):
    """One of the published tables: its figures with the words for them."""

    title: str
    figures: Sequence[tuple[str, Figure]]


def release_address(release: str) -> str:
    """The file of a release's page."""
    return f"release-{file_name(release)}.html"


def release_page(view: PinnedView, release: str, sections: Sequence[PlotSection], tree_address: str | None) -> str:
    """The whole HTML document; `tree_address`: of the hierarchy's page, if the release has one."""
    return render(
        "release_page.html",
        release=release,
        snapshot=view.snapshot(release),
        tables=count_rows(view, release),
        figure_columns=FIGURE_COLUMNS,
        figure_sections=figure_sections(view, release),
        sections=sections,
        tree_address=tree_address,
    )


def figure_sections(view: PinnedView, release: str) -> list[FigureSection]:
    """The published tables of a release with the figures that it has; none where they were not recomputed."""
    figures = sort_figures(Figure(**row) for row in view.figure_rows(release))
    by_name = {
        title: [(words, figure) for words, name in names.items() for figure in figures if figure.figure == name]
        for title, names in figure_names().items()
    }
    return [FigureSection(title, rows) for title, rows in by_name.items() if rows]
