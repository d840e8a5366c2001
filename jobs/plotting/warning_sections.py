"""What a release is warned of, in the sections of its page: promises, drift, contradictions, quarantine, blobs."""

from __future__ import annotations

from collections.abc import Iterator

from oilake.conf.file_names import file_name
from oilake.jobs.plotting.count_plots import count_plot_by
from oilake.jobs.plotting.promise_plots import broken_plot, drift_plot, state_plot
from oilake.jobs.plotting.release_sections import PlotSection, drawn_plots
from oilake.jobs.surveying.judged_promises import drift_promises, newest_promises
from oilake.jobs.surveying.pinned_view import PinnedView
from oilake.jobs.surveying.reasons import count_blobs, count_contradictions, count_quarantined


def promise_sections(view: PinnedView, release: str) -> Iterator[PlotSection]:
    """What became of the promises of the release's tables, and how far it differs from the one before."""
    key, promises = file_name(release), newest_promises(view, release)
    yield PlotSection(
        "Quality",
        "What each table promises, as it was last judged: before it was published, or by a check since.",
        drawn_plots([state_plot(f"{key}-promises", promises), broken_plot(f"{key}-broken", promises)]),
        f"No promise was judged; oilake check --release {release} does it.",
    )
    yield PlotSection(
        "Drift",
        "How far the release differs from the one before it: differences beyond the thresholds that hold for each table.",
        drawn_plots([drift_plot(f"{key}-drift", drift_promises(promises))]),
        f"Nothing was compared: there is no release before, or no check yet; oilake check --release {release} does it.",
    )


def reason_sections(view: PinnedView, release: str) -> Iterator[PlotSection]:
    """What the release is warned of: contradictions, quarantine, blobs."""
    key = file_name(release)
    contradictions, kept_out, blobs = (
        count(view, release) for count in (count_contradictions, count_quarantined, count_blobs)
    )
    yield PlotSection(
        "Contradictions",
        "Where the release says two things that cannot both be right, by kind and subset.",
        drawn_plots(
            [
                count_plot_by(
                    f"{key}-contradictions", "What contradicts what", "contradiction", "kind", "subset", contradictions
                )
            ]
        ),
        f"None is published; oilake contradictions --release {release} looks for them.",
    )
    yield PlotSection(
        "Quarantine",
        "Rows that were kept out, by reason and the table that they were meant for; a row with two reasons counts twice.",
        drawn_plots([count_plot_by(f"{key}-quarantine", "Why rows were kept out", "row", "reason", "table", kept_out)]),
        "No row was kept out.",
    )
    yield PlotSection(
        "Blobs",
        "Image files by what their newest check found, and the place that was looked at.",
        drawn_plots([count_plot_by(f"{key}-blobs", "What became of image files", "blob", "status", "location", blobs)]),
        "No blob was checked; oilake verify does it.",
    )
