"""A plot on a page: its picture, what it shows in words, and its numbers as a file beside the page."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from oilake.jobs.blobs.attribution import plain_text
from oilake.jobs.plotting.inline_svg import InlineSvg, draw_svg, writable_text
from oilake.jobs.surveying.aggregate import Row

WIDTH, HEIGHT = 460, 220
GROUP_WIDTH = 120
Chart = alt.Chart | alt.LayerChart


@dataclass(frozen=True)
class DrawnPlot:
    """`key`: a name for files, unique in the site; `description`: the plot in words; `rows`: its numbers before anything was
    binned for the picture, one column a key."""

    key: str
    title: str
    description: str
    svg: InlineSvg
    rows: Sequence[Row]

    @property
    def csv_path(self) -> str:
        """Where its numbers stand below the site's folder."""
        return f"numbers/{self.key}.csv"

    def csv_text(self) -> str:
        """Its numbers as CSV with a header; a name that a spreadsheet would take for a formula begins with an apostrophe."""
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(self.rows[0]) if self.rows else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows(
            {name: plain_text(cell) if isinstance(cell, str) else cell for name, cell in row.items()}
            for row in self.rows
        )
        return text.getvalue()


def draw_plot(
    key: str,
    title: str,
    description: str,
    chart: Chart,
    rows: Sequence[Row],
    height: int = HEIGHT,
    groups: int | None = None,
) -> DrawnPlot:
    """Draws a chart of the common width; `height`: of what lies between its axes, in pixels. Few `groups` of bars make it
    narrower, so that no bar is as broad as a picture."""
    width = WIDTH if groups is None else min(WIDTH, groups * GROUP_WIDTH)
    sized = chart.properties(width=width, height=height)
    return DrawnPlot(key, title, description, draw_svg(sized.to_dict(validate=False), key, description), rows)


def chart_of(rows: Sequence[Row]) -> alt.Chart:
    """A chart over rows, whose columns are then named with their types. They go in as text, since a chart copies and walks
    through all that it holds with each step of its making."""
    values = json.dumps(writable_text(list(rows)))
    return alt.Chart(alt.InlineData(values=values, format={"type": "json"}))
