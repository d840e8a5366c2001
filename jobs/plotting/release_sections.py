"""The plots of one release, in the sections of its page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from oilake.conf.file_names import file_name
from oilake.conf.registry import SUBSETS
from oilake.jobs.plotting.drawn_plot import DrawnPlot
from oilake.jobs.plotting.rank_plots import box_frequencies, label_distribution, machine_frequencies
from oilake.jobs.surveying.aggregate import Row, split_rows


class PlotSection(NamedTuple):
    """Plots of one subject, what to look for in them, and what is said where there is none."""

    title: str
    words: str
    plots: Sequence[DrawnPlot]
    missing: str


def class_sections(release: str, labels: Sequence[Row], boxes: Sequence[Row]) -> Iterator[PlotSection]:
    """Labels and boxes by class. `labels`, `boxes`: counts by subset and class."""
    key = file_name(release)
    yield PlotSection(
        "Label distribution",
        "What people say of each class: classes are ordered by their positives, then by their negatives. The scale is "
        "logarithmic; a paler part of a bar is the spread of the classes that share it.",
        _drawn(label_distribution(f"{key}-labels-{s}", s, rows) for s, rows in _by_subset(labels)),
        "No label of people is published.",
    )
    yield PlotSection(
        "Box frequencies",
        "Boxes of each class, the most frequent first; the scale is logarithmic.",
        _drawn(box_frequencies(f"{key}-boxes-{s}", s, rows) for s, rows in _by_subset(boxes)),
        "No box is published.",
    )
    machine = (
        (f"{key}-machine-{s}", f"{s}: how often the machine gives each class", rows) for s, rows in _by_subset(labels)
    )
    yield PlotSection(
        "Labels of the machine",
        "How often the machine gives each class, the most frequent first; the scale is logarithmic.",
        _drawn(machine_frequencies(*asked) for asked in machine),
        "No label of the machine is published.",
    )


def _by_subset(rows: Sequence[Row]) -> Iterable[tuple[str, list[Row]]]:
    return split_rows(list(rows), "subset", SUBSETS).items()


def _drawn(plots: Iterable[DrawnPlot | None]) -> list[DrawnPlot]:
    return [plot for plot in plots if plot]
