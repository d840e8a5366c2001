"""The report of a run: a self-contained HTML page about the ingested releases."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import NamedTuple

from oilake.conf.contradiction_rules import load_rules
from oilake.conf.registry import SUBSETS
from oilake.jobs.ingesting.summary import Summary, count_columns, row_kinds
from oilake.jobs.reporting import palette
from oilake.jobs.reporting.bar_charts import BarChart, Quantity, Shares, logarithmic_chart, share_chart
from oilake.jobs.reporting.blobs_section import blobs_section
from oilake.jobs.reporting.html import render
from oilake.jobs.reporting.report_data import ReleaseChanges, ReleaseReport, RunReport


class ContradictionChart(NamedTuple):
    """One kind of contradiction in words, what could be done, and how many each release has."""

    kind: str
    words: str
    remedy: str
    chart: BarChart


def report_page(report: RunReport, plots_address: str = "") -> str:
    """Return the whole HTML document; `plots_address`: of the site of plots, from this page."""
    summaries = [release.summary for release in report.releases]
    return render(
        "report_page.html",
        warehouse=summaries[0].warehouse if summaries else "",
        releases=report.releases,
        count_columns=count_columns(),
        rows_chart=_rows_chart(summaries),
        verdict_chart=_verdict_chart(report.releases),
        figure_columns=(*SUBSETS, "release"),
        contradiction_charts=_contradiction_charts(report.releases),
        changes=[(changes, _changes_chart(changes)) for changes in report.changes],
        blobs=blobs_section(report.download, report.verifications),
        masks=report.masks,
        plots_address=plots_address,
    )


def _rows_chart(summaries: Sequence[Summary]) -> BarChart:
    """Return the rows of each kind, all subsets together."""
    quantities = [
        Quantity(f"{kind}, {summary.release}", rows, colour)
        for kind, colour in zip(row_kinds(), cycle(palette.KINDS), strict=False)
        for summary in summaries
        if (rows := sum(counts.get(kind, 0) for counts in summary.rows.values()))
    ]
    return logarithmic_chart("rows by kind and release, logarithmic scale", quantities)


def _verdict_chart(releases: Sequence[ReleaseReport]) -> BarChart:
    """Return a bar a release and subset: positive, negative and unverified pairs; conflicts in words."""
    shares = [
        Shares(
            f"{release.summary.release}, {subset}",
            [(colour, counts[verdict]) for verdict, colour in palette.VERDICTS.items()],
            counts["pairs"],
            f"{counts['pairs']:,} pairs, {counts['conflicts']:,} conflicts",
        )
        for release in releases
        for subset, counts in release.label_counts.items()
        if counts["pairs"]
    ]
    return share_chart("share of positive, negative and unverified labels", shares)


def _contradiction_charts(releases: Sequence[ReleaseReport]) -> list[ContradictionChart]:
    """Return a chart a kind of contradiction: a bar for each release and subset that is judged by it."""
    charts = []
    for kind, rule in load_rules().kinds.items():
        quantities = [
            Quantity(f"{release.summary.release}, {subset}", count, palette.CONTRADICTIONS)
            for release in releases
            for subset, count in release.contradictions.get(kind, {}).items()
        ]
        chart = logarithmic_chart(f"contradictions of the kind {kind}, logarithmic scale", quantities)
        charts.append(ContradictionChart(kind, rule.words, rule.remedy, chart))
    return charts


def _changes_chart(changes: ReleaseChanges) -> BarChart:
    """Return a bar for each thing that happened to rows."""
    quantities = [
        Quantity(f"{kind}: {change.replace('_', ' ')}", rows, palette.CHANGED_KINDS[kind])
        for kind, counts in changes.counts.items()
        for change, rows in counts.items()
        if rows
    ]
    return logarithmic_chart("changes, logarithmic scale", quantities)
