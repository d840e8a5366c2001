"""Plots over all releases: what each holds, and what became of the rows of the one before."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from oilake.jobs.plotting.axes import logarithmic_counts
from oilake.jobs.plotting.drawn_plot import DrawnPlot, chart_of, draw_plot
from oilake.jobs.reporting import palette
from oilake.jobs.reporting.wording import counted
from oilake.jobs.surveying.aggregate import Row


def parts_plot(table: str, rows: Sequence[Row], order: Sequence[str]) -> DrawnPlot | None:
    """Rows of a table over the releases, a bar a part (subset or origin); None where it has none."""
    held = [row for row in rows if row["table"] == table and row["rows"]]
    if not held:
        return None
    parts = list(dict.fromkeys(row["part"] for row in held))
    last = [row for row in held if row["release"] == held[-1]["release"]]
    told = ", ".join(f"{row['part']} {row['rows']:,}" for row in last)
    chart = chart_of(held).mark_bar().encode(
        x=alt.X("release:N", title="release", sort=list(order), axis=alt.Axis(labelAngle=0)),
        xOffset=alt.XOffset("part:N", sort=parts),
        y=logarithmic_counts("rows", table, max(row["rows"] for row in held)),
        color=alt.Color("part:N", title=None, scale=alt.Scale(domain=parts, range=list(palette.KINDS))),
    )  # fmt: skip
    return draw_plot(
        f"flow-{table}",
        f"{table} from release to release",
        f"In {last[0]['release']}, rows of {table}: {told}.",
        chart,
        held,
        groups=len({row["release"] for row in held}),
    )


def changes_plot(table: str, rows: Sequence[Row]) -> DrawnPlot | None:
    """What became of the rows of a table in each comparison, as bars; None where nothing is compared."""
    held = [{**row, "pair": f"{row['earlier']} to {row['later']}"} for row in rows if row["table"] == table]
    if not held:
        return None
    changes = list(dict.fromkeys(row["change"] for row in held))
    pairs = list(dict.fromkeys(row["pair"] for row in held))
    largest = max(held, key=lambda row: row["rows"])
    words = (
        f"{counted(len(pairs), 'comparison')}. Most rows: {largest['change'].replace('_', ' ')} from {largest['pair']}, "
        f"{largest['rows']:,}."
    )
    chart = chart_of([{**row, "change": row["change"].replace("_", " ")} for row in held]).mark_bar().encode(
        x=alt.X("pair:N", title="from release to release", sort=pairs, axis=alt.Axis(labelAngle=-30)),
        xOffset=alt.XOffset("change:N"),
        y=logarithmic_counts("rows", f"{table}, rows", largest["rows"]),
        color=alt.Color(
            "change:N", title=None, legend=alt.Legend(columns=3),
            scale=alt.Scale(domain=[change.replace("_", " ") for change in changes], range=list(palette.KINDS)),
        ),
    )  # fmt: skip
    return draw_plot(f"changes-{table}", f"What became of {table}", words, chart, held, groups=len(pairs))
