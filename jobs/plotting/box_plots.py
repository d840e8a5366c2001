"""Plots of boxes: what is said of them, how large they are, and where they lie."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from oilake.conf.registry import SUBSETS
from oilake.jobs.plotting.axes import THOUSANDS
from oilake.jobs.plotting.drawn_plot import DrawnPlot, chart_of, draw_plot
from oilake.jobs.reporting import palette
from oilake.jobs.reporting.wording import counted
from oilake.jobs.surveying.aggregate import Row, split_rows
from oilake.jobs.surveying.box_shapes import CELLS

ANSWERS = {"yes": palette.BLUE, "no": palette.YELLOW, "unknown": palette.GREY}
SQUARE = 360


def attribute_plot(key: str, rows: Sequence[Row]) -> DrawnPlot | None:
    """A bar an attribute, divided by what is said; None where there are no boxes."""
    total = sum(row["boxes"] for row in rows) // max(len({row["attribute"] for row in rows}), 1)
    if not total:
        return None
    yes = "; ".join(f"{row['attribute']} {row['boxes'] / total:.1%}" for row in rows if row["answer"] == "yes")
    unknown = "; ".join(f"{row['attribute']} {row['boxes'] / total:.0%}" for row in rows if row["answer"] == "unknown")
    chart = (
        chart_of([{**row, "order": list(ANSWERS).index(row["answer"])} for row in rows])
        .mark_bar()
        .encode(
            x=alt.X("boxes:Q", title="share of the boxes", stack="normalize", axis=alt.Axis(format=".0%", tickCount=5)),
            y=alt.Y("attribute:N", title=None, sort=None),
            color=alt.Color(
                "answer:N", title=None, scale=alt.Scale(domain=list(ANSWERS), range=list(ANSWERS.values()))
            ),
            order=alt.Order("order:O"),
        )
    )
    words = f"Of {counted(total, 'box', 'boxes')}: {yes}. Unknown: {unknown}."
    return draw_plot(key, "What is said of boxes", words, chart, rows, 130)


def size_plot(key: str, rows: Sequence[Row]) -> DrawnPlot | None:
    """A line a subset over sizes; None where there are no boxes."""
    if not rows:
        return None
    by_subset = split_rows(list(rows), "subset", SUBSETS)
    totals = {subset: sum(row["boxes"] for row in part) for subset, part in by_subset.items()}
    shares = [{**row, "share": row["boxes"] / totals[row["subset"]]} for row in rows]
    small = {name: sum(row["boxes"] for row in part if row["least"] < 0.1) for name, part in by_subset.items()}
    told = "; ".join(f"{name} {small[name] / total:.0%}" for name, total in totals.items())
    chart = (
        chart_of(shares)
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(
            x=alt.X(
                "least:Q", title="root of the box's share of the image (1: all of it)", scale=alt.Scale(domain=[0, 1])
            ),
            y=alt.Y("share:Q", title="share of the subset's boxes", axis=alt.Axis(format=".0%")),
            color=alt.Color("subset:N", title=None, scale=alt.Scale(domain=list(totals), range=list(palette.KINDS))),
        )
    )
    words = f"Boxes of under 1 % of the image: {told}."
    return draw_plot(key, "How large boxes are", words, chart, rows)


def centre_plot(key: str, rows: Sequence[Row]) -> DrawnPlot | None:
    """A heat map of where centres of boxes lie; None where there are no boxes."""
    across, down = "across the image (0: left edge)", "down the image (0: upper edge)"
    return _heat_map(key, "Where the centres of boxes lie", across, down, rows, is_upright=False)


def side_plot(key: str, rows: Sequence[Row]) -> DrawnPlot | None:
    """A heat map of widths and heights; None where there are no boxes."""
    return _heat_map(
        key, "Which sides boxes have", "width, share of the image's", "height, share of the image's", rows, True
    )


def _heat_map(key: str, title: str, across: str, down: str, rows: Sequence[Row], is_upright: bool) -> DrawnPlot | None:
    """`is_upright`: the vertical axis grows upwards, as that of a height does, and not as places in a picture do."""
    if not rows:
        return None
    cells = [{**row, "right": row["across"] + 1 / CELLS, "foot": row["down"] + 1 / CELLS} for row in rows]
    scale = alt.Scale(domain=[0, 1] if is_upright else [1, 0], nice=False)
    chart = chart_of(cells).mark_rect().encode(
        x=alt.X("across:Q", title=across, scale=alt.Scale(domain=[0, 1], nice=False)), x2=alt.X2("right:Q"),
        y=alt.Y("down:Q", title=down, scale=scale), y2=alt.Y2("foot:Q"),
        color=alt.Color(
            "boxes:Q", title="boxes", scale=alt.Scale(type="symlog", scheme="blues"),
            legend=alt.Legend(format=THOUSANDS, orient="right"),
        ),
    )  # fmt: skip
    total, first = sum(row["boxes"] for row in rows), max(rows, key=lambda row: row["boxes"])
    place = f"{first['across']:.2f} and {first['down']:.2f}"
    words = f"{counted(total, 'box', 'boxes')} in {CELLS} by {CELLS} cells; most, {first['boxes']:,}, at {place}."
    return draw_plot(key, title, words, chart, rows, SQUARE)
