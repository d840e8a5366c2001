"""The plots of one release, in the sections of its page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from oilake.conf.file_names import file_name
from oilake.conf.registry import SUBSETS
from oilake.jobs.plotting.box_plots import attribute_plot, centre_plot, side_plot, size_plot
from oilake.jobs.plotting.drawn_plot import DrawnPlot
from oilake.jobs.plotting.flow_plots import changes_plot, parts_plot
from oilake.jobs.plotting.rank_plots import box_frequencies, label_distribution, machine_frequencies
from oilake.jobs.plotting.share_plots import agreement_plot, correct_by_confidence_plot, correct_by_frequency_plot
from oilake.jobs.plotting.tree_plot import hierarchy_plot
from oilake.jobs.surveying.aggregate import Row, split_rows
from oilake.jobs.surveying.box_shapes import count_attributes, count_centres, count_sides, count_sizes
from oilake.jobs.surveying.class_tree import TreeNode
from oilake.jobs.surveying.label_checks import correct_by_confidence, correct_by_frequency, count_agreement
from oilake.jobs.surveying.pinned_view import PinnedView
from oilake.jobs.surveying.release_flow import COMPARISONS, PARTS, count_changes, count_parts


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
        drawn_plots(label_distribution(f"{key}-labels-{s}", s, rows) for s, rows in _by_subset(labels)),
        "No label of people is published.",
    )
    yield PlotSection(
        "Box frequencies",
        "Boxes of each class, the most frequent first; the scale is logarithmic.",
        drawn_plots(box_frequencies(f"{key}-boxes-{s}", s, rows) for s, rows in _by_subset(boxes)),
        "No box is published.",
    )
    machine = (
        (f"{key}-machine-{s}", f"{s}: how often the machine gives each class", rows) for s, rows in _by_subset(labels)
    )
    yield PlotSection(
        "Labels of the machine",
        "How often the machine gives each class, the most frequent first; the scale is logarithmic.",
        drawn_plots(machine_frequencies(*asked) for asked in machine),
        "No label of the machine is published.",
    )


def agreement_sections(view: PinnedView, release: str) -> Iterator[PlotSection]:
    """How far people confirm the machine and each other."""
    key = file_name(release)
    yield PlotSection(
        "Is the machine right",
        "Labels of the machine that people judged, by how often it gives their class and by how sure it is.",
        drawn_plots(
            [
                correct_by_frequency_plot(f"{key}-correct-frequency", correct_by_frequency(view, release)),
                correct_by_confidence_plot(f"{key}-correct-confidence", correct_by_confidence(view, release)),
            ]
        ),
        f"No label of the machine was judged by people, or they are not reconciled: oilake reconcile --release {release}",
    )
    yield PlotSection(
        "Do people agree",
        "Images and classes that annotators in-house and the Crowdsource app both judged.",
        drawn_plots([agreement_plot(f"{key}-agreement", count_agreement(view, release))]),
        "Nothing was judged by both.",
    )


def box_section(view: PinnedView, release: str) -> PlotSection:
    """What boxes look like."""
    key = file_name(release)
    plots = [
        attribute_plot(f"{key}-box-attributes", count_attributes(view, release)),
        size_plot(f"{key}-box-sizes", count_sizes(view, release)),
        centre_plot(f"{key}-box-centres", count_centres(view, release)),
        side_plot(f"{key}-box-sides", count_sides(view, release)),
    ]
    words = "Attributes, sizes and places of all boxes of the release, in fractions of the image."
    return PlotSection("What boxes look like", words, drawn_plots(plots), "No box is published.")


def flow_sections(view: PinnedView) -> list[PlotSection]:
    """How images, labels, boxes and classes go from release to release."""
    releases, parts, changes = list(view.releases), count_parts(view), count_changes(view)
    return [
        PlotSection(
            "What each release holds",
            "Rows by subset, and labels by who gave them; the scale is logarithmic.",
            drawn_plots(parts_plot(table, parts, releases) for table, _ in PARTS),
            "Nothing is published.",
        ),
        PlotSection(
            "What became of it in the next release",
            "Rows by what a comparison of two releases says of them; the scale is logarithmic.",
            drawn_plots(changes_plot(table, changes) for table in COMPARISONS),
            "No two releases are compared; oilake changes does it.",
        ),
    ]


def hierarchy_section(release: str, roots: Sequence[TreeNode]) -> PlotSection:
    """The hierarchy in one picture; its page has it as a tree."""
    return PlotSection(
        "Hierarchy of the boxable classes",
        "Each class stands right of what it is below; a class below several others stands at several places.",
        drawn_plots([hierarchy_plot(f"{file_name(release)}-hierarchy", roots)]),
        "No hierarchy is published.",
    )


def _by_subset(rows: Sequence[Row]) -> Iterable[tuple[str, list[Row]]]:
    return split_rows(list(rows), "subset", SUBSETS).items()


def drawn_plots(plots: Iterable[DrawnPlot | None]) -> list[DrawnPlot]:
    """The plots that there are."""
    return [plot for plot in plots if plot]
