"""The report of a run: a self-contained HTML page about the ingested releases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from conf.errors import StoreError
from conf.registry import SUBSETS
from jobs.changes import Outcome as Comparison
from jobs.downloading.brought import Brought
from jobs.duplicates import Leakage
from jobs.figures import TABLES, Figure, cell, differs
from jobs.ingesting.summary import COLUMNS, KINDS, Summary
from jobs.reconcile import Outcome
from jobs.reporting import palette
from jobs.reporting.bar_charts import BarChart, Quantity, Shares, logarithmic_chart, share_chart
from jobs.reporting.blobs_section import blobs_section
from jobs.reporting.html import render
from jobs.verifying.verification import Verification


@dataclass(frozen=True)
class Chapter:
    """All that is told of one release."""

    summary: Summary
    reconciled: Outcome
    leakage: Leakage
    figures: list[Figure]


@dataclass(frozen=True)
class RunResults:
    """All that a run did: a chapter a release, comparisons of neighbours, the download and checks of image bytes."""

    chapters: Sequence[Chapter]
    comparisons: Sequence[Comparison]
    download: Brought | None
    verifications: Sequence[Verification]


class FigureCell(NamedTuple):
    """A recomputed figure in words; bad where another was published."""

    text: str
    is_bad: bool


class FigureRow(NamedTuple):
    """One figure of every subset, and of the release as a whole."""

    label: str
    cells: list[FigureCell]


class FigureTable(NamedTuple):
    """One of the published tables, as far as it could be recomputed."""

    title: str
    rows: list[FigureRow]


def write_report(results: RunResults, path: Path) -> Path:
    """Write the page to `path`; returns the path, absolute. StoreError when it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(report_page(results), encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{path}: the report cannot be written ({error.strerror}); name another --report") from None
    return path.absolute()


def report_page(results: RunResults) -> str:
    """Return the whole HTML document."""
    summaries = [chapter.summary for chapter in results.chapters]
    return render(
        "report_page.html",
        warehouse=str(Path(summaries[0].warehouse).absolute()) if summaries else "",
        summaries=summaries,
        count_columns=COLUMNS,
        rows_chart=_rows_chart(summaries),
        verdict_chart=_verdict_chart(results.chapters),
        figures=[(chapter.summary.title, _figure_tables(chapter.figures)) for chapter in results.chapters],
        figure_columns=(*SUBSETS, "release"),
        comparisons=[(comparison, _changes_chart(comparison)) for comparison in results.comparisons],
        leakages=[chapter.leakage.as_text() for chapter in results.chapters],
        blobs=blobs_section(results.download, results.verifications),
    )


def _rows_chart(summaries: Sequence[Summary]) -> BarChart:
    """Return the rows of each kind, all subsets together."""
    quantities = [
        Quantity(f"{kind}, {summary.release}", rows, palette.KINDS[kind])
        for kind in KINDS
        for summary in summaries
        if (rows := sum(counts.get(kind, 0) for counts in summary.rows.values()))
    ]
    return logarithmic_chart("rows by kind and release, logarithmic scale", quantities)


def _verdict_chart(chapters: Sequence[Chapter]) -> BarChart:
    """Return a bar a release and subset: positive, negative and unverified pairs; conflicts in words."""
    shares = [
        Shares(
            f"{chapter.summary.release}, {subset}",
            [(colour, counts[verdict]) for verdict, colour in palette.VERDICTS.items()],
            counts["pairs"],
            f"{counts['pairs']:,} pairs, {counts['conflicts']:,} conflicts",
        )
        for chapter in chapters
        for subset, counts in chapter.reconciled.rows.items()
        if counts["pairs"]
    ]
    return share_chart("share of positive, negative and unverified labels", shares)


def _changes_chart(comparison: Comparison) -> BarChart:
    """Return a bar for each thing that happened to rows."""
    quantities = [
        Quantity(f"{kind}: {change.replace('_', ' ')}", rows, palette.CHANGED_KINDS[kind])
        for kind, counts in comparison.changes.items()
        for change, rows in counts.items()
        if rows
    ]
    return logarithmic_chart("changes, logarithmic scale", quantities)


def _figure_tables(figures: Sequence[Figure]) -> list[FigureTable]:
    return [
        FigureTable(title, [row for label, name in names.items() if (row := _figure_row(label, name, figures))])
        for title, names in TABLES.items()
    ]


def _figure_row(label: str, name: str, figures: Sequence[Figure]) -> FigureRow | None:
    """Return the row of one figure; None where it was recomputed for nothing."""
    by_subset = {figure.subset: figure for figure in figures if figure.figure == name}
    cells = [_figure_cell(by_subset.get(subset)) for subset in (*SUBSETS, None)]
    return FigureRow(label, cells) if by_subset else None


def _figure_cell(figure: Figure | None) -> FigureCell:
    return FigureCell(cell(figure), differs(figure)) if figure else FigureCell("–", False)
