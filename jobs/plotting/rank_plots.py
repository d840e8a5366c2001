"""Plots of all classes by rank: labels of people, labels of the machine, boxes. Each is uneven, and by how much is seen."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from oilake.jobs.plotting.axes import THOUSANDS, logarithmic_counts
from oilake.jobs.plotting.class_ranks import bin_ranks, rank_classes
from oilake.jobs.plotting.drawn_plot import Chart, DrawnPlot, chart_of, draw_plot
from oilake.jobs.reporting import palette
from oilake.jobs.reporting.wording import counted
from oilake.jobs.surveying.aggregate import Row

VERDICTS = ("positives", "negatives")
UNITS = {"machine": ("label of the machine", "labels of the machine"), "boxes": ("box", "boxes")}


def label_distribution(key: str, subset: str, rows: Sequence[Row]) -> DrawnPlot | None:
    """People's labels of every class of a subset: positives in green, negatives in red; None where there are none."""
    ranked = rank_classes([row for row in rows if row["positives"] or row["negatives"]], *VERDICTS)
    if not ranked:
        return None
    binned = bin_ranks(ranked, *VERDICTS)
    most = max(row[name] for row in ranked for name in VERDICTS)
    layers = [_count_marks(binned, name, most, "labels of a class") for name in VERDICTS]
    none = sum(not row["positives"] for row in ranked)
    words = _uneven_words(ranked, "positives", "positive label", "positive labels")
    words += f" {counted(none, 'class has', 'classes have')} no positive one."
    return draw_plot(
        key,
        f"{subset}: few classes have most of the labels",
        words,
        alt.LayerChart(layer=layers).encode(color=_verdict_colours()),
        ranked,
    )


def box_frequencies(key: str, subset: str, rows: Sequence[Row]) -> DrawnPlot | None:
    """Boxes of every class of a subset; None where there are none."""
    return _one_count(
        key, f"{subset}: few classes have most of the boxes", rows, "boxes", "boxes of a class", palette.BLUE
    )


def machine_frequencies(key: str, title: str, rows: Sequence[Row]) -> DrawnPlot | None:
    """Labels of the machine for every class; None where there are none."""
    return _one_count(key, title, rows, "machine", "labels of a class", palette.ORANGE)


def _one_count(key: str, title: str, rows: Sequence[Row], count: str, axis: str, colour: str) -> DrawnPlot | None:
    ranked = rank_classes([row for row in rows if row[count]], count)
    if not ranked:
        return None
    marks = _count_marks(bin_ranks(ranked, count), count, ranked[0][count], axis).encode(color=alt.ColorValue(colour))
    words = _uneven_words(ranked, count, *UNITS[count])
    return draw_plot(key, title, words, marks, ranked)


def _count_marks(binned: Sequence[Row], count: str, most: int, title: str) -> Chart:
    """A bar a bin up to its median, and over it a paler one from the least to the most of its classes."""
    rows = [
        {"first": row["first"], "last": row["last"], "of": count, "least": row[f"{count}_least"], "middle": row[count],
         "most": row[f"{count}_most"], "foot": 0}
        for row in binned
    ]  # fmt: skip
    x = alt.X(
        "first:Q", title="classes by rank", scale=alt.Scale(nice=False, zero=False), axis=alt.Axis(format=THOUSANDS)
    )
    base = chart_of(rows).encode(x=x, x2=alt.X2("last:Q"))
    bars: alt.Chart = base.mark_rect(opacity=0.55).encode(
        y=logarithmic_counts("foot", title, most), y2=alt.Y2("middle:Q")
    )
    if all(row["least"] == row["most"] for row in rows):
        return bars
    spread: alt.Chart = base.mark_rect(opacity=0.3).encode(
        y=logarithmic_counts("least", title, most), y2=alt.Y2("most:Q")
    )
    return alt.LayerChart(layer=[bars, spread])


def _verdict_colours() -> alt.Color:
    scale = alt.Scale(domain=list(VERDICTS), range=[palette.VERDICTS["positive"], palette.VERDICTS["negative"]])
    return alt.Color("of:N", scale=scale, title=None)


def _uneven_words(ranked: Sequence[Row], count: str, singular: str, plural: str) -> str:
    """Word how uneven classes are: the first, the middle and the share of the first tenth."""
    total, first, middle = sum(row[count] for row in ranked), ranked[0], ranked[len(ranked) // 2]
    tenth = ranked[: -(-len(ranked) // 10)]
    share = sum(row[count] for row in tenth) / total if total else 0
    return (
        f"{counted(len(ranked), 'class', 'classes')}. {first['name']} has {counted(first[count], singular, plural)}, the "
        f"middle class {middle[count]:,}; the first tenth of the classes has {share:.0%} of all."
    )
