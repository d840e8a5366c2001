"""Plots of agreement: of people with the machine, with how sure one can be, and of annotators in-house with the crowd."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from oilake.jobs.plotting.axes import THOUSANDS, share_axis
from oilake.jobs.plotting.drawn_plot import Chart, DrawnPlot, chart_of, draw_plot
from oilake.jobs.reporting import palette
from oilake.jobs.reporting.wording import counted
from oilake.jobs.surveying.aggregate import Row

AXIS = "share that people confirm"


def correct_by_frequency_plot(key: str, rows: Sequence[Row]) -> DrawnPlot | None:
    """Shares of confirmed labels of the machine by the frequency of their class; None where people judged none."""
    if not rows:
        return None
    middles = [{**row, "middle": (row["least"] * row["most"]) ** 0.5} for row in rows]
    x = alt.X(
        "middle:Q", title="labels that the machine gives the class", scale=alt.Scale(type="log"),
        axis=alt.Axis(format="~s"),
    )  # fmt: skip
    first, last = rows[0], rows[-1]
    judged = counted(sum(row["judged"] for row in rows), "label")
    words = (
        f"{judged} of the machine judged by people. Of classes with fewest labels {_share_text(first)} are confirmed, "
        f"of those with most {_share_text(last)}. Lines are intervals of 95 %."
    )
    return draw_plot(key, "Are labels of frequent classes more often right", words, _interval_chart(middles, x), rows)


def correct_by_confidence_plot(key: str, rows: Sequence[Row]) -> DrawnPlot | None:
    """Shares of confirmed labels of the machine by its confidence; None where people judged none."""
    if not rows:
        return None
    scale = alt.Scale(domain=[min(row["confidence"] for row in rows) - 0.05, 1.02], nice=False)
    x = alt.X(
        "confidence:Q",
        title="confidence of the machine",
        scale=scale,
        axis=alt.Axis(format=".1f", values=[row["confidence"] for row in rows]),
    )
    shares = "; ".join(f"at {row['confidence']:.1f} {_share_text(row)}" for row in rows)
    words = f"Confirmed by people: {shares}. Lines are intervals of 95 %."
    return draw_plot(key, "Is the machine right where it is sure", words, _interval_chart(rows, x), rows)


def agreement_plot(key: str, rows: Sequence[Row]) -> DrawnPlot | None:
    """Pairs that both house and crowd judged, by what they say; None where there are none."""
    if not rows:
        return None
    counts = {(row["house"], row["crowd"]): 0 for row in rows}
    for row in rows:
        counts[row["house"], row["crowd"]] += row["pairs"]
    bars = [
        {
            "said": f"in-house {house}, crowd {crowd}",
            "pairs": pairs,
            "same": "the same" if house == crowd else "not the same",
        }
        for (house, crowd), pairs in sorted(counts.items(), reverse=True)
    ]
    total, same = sum(counts.values()), sum(pairs for (house, crowd), pairs in counts.items() if house == crowd)
    pairs_text = counted(total, "pair")
    words = f"Of {pairs_text} of image and class that both judged, they say the same of {same:,} ({same / total:.0%})."
    colours = alt.Scale(domain=["the same", "not the same"], range=[palette.GREEN, palette.RED])
    chart = (
        chart_of(bars)
        .mark_bar()
        .encode(
            x=alt.X("pairs:Q", title="pairs of image and class", axis=alt.Axis(format=THOUSANDS, tickMinStep=1)),
            y=alt.Y("said:N", title=None, sort=None),
            color=alt.Color("same:N", title=None, scale=colours),
        )
    )
    return draw_plot(key, "Do annotators in-house and the crowd agree", words, chart, rows, 120)


def _interval_chart(rows: Sequence[Row], x: alt.X) -> Chart:
    base = chart_of(rows).encode(x=x)
    lines = base.mark_rule(strokeWidth=2, color=palette.BLUE).encode(y=share_axis("low", AXIS), y2=alt.Y2("high:Q"))
    points = base.mark_point(filled=True, size=60, opacity=1, color=palette.NAVY).encode(y=share_axis("share", AXIS))
    return alt.LayerChart(layer=[lines, points])


def _share_text(row: Row) -> str:
    return f"{row['share']:.0%} ({row['low']:.0%} to {row['high']:.0%})"
