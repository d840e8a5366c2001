"""Plots of counts by what they are: contradictions, reasons of quarantine, states of blobs."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from oilake.jobs.plotting.axes import logarithmic_length
from oilake.jobs.plotting.drawn_plot import DrawnPlot, chart_of, draw_plot
from oilake.jobs.reporting import palette
from oilake.jobs.reporting.wording import counted
from oilake.jobs.surveying.aggregate import Row

ROW, SHOWN = 24, 40


def count_plot_by(key: str, title: str, unit: str, by: str, colour: str, rows: Sequence[Row]) -> DrawnPlot | None:
    """A bar a pair of `by` and `colour` (columns of the rows), the largest first; None where there are none.

    `unit`: the noun of what `count` counts.
    """
    if not rows:
        return None
    largest = sorted(rows, key=lambda row: -row["count"])[:SHOWN]
    values = list(dict.fromkeys(row[colour] for row in rows))
    bars = [{**row, "label": str(row[by]).replace("_", " ")} for row in largest]
    chart = (
        chart_of(bars)
        .mark_bar()
        .encode(
            x=logarithmic_length("count", f"{unit}s, logarithmic", largest[0]["count"]),
            y=alt.Y("label:N", title=None, sort=None),
            yOffset=alt.YOffset(f"{colour}:N", sort=values),
            color=alt.Color(f"{colour}:N", title=None, scale=alt.Scale(domain=values, range=list(palette.KINDS))),
        )
    )
    left_out = f" The {SHOWN} largest of {len(rows)} are drawn." if len(rows) > SHOWN else ""
    total = counted(sum(row["count"] for row in rows), unit)
    most = "; ".join(f"{row[by]} ({row[colour]}) {row['count']:,}" for row in largest[:3])
    height = ROW * len({bar["label"] for bar in bars}) * max(1, min(len(values), 3)) // 2 + ROW
    return draw_plot(key, title, f"{total}. Most: {most}.{left_out}", chart, rows, height)
