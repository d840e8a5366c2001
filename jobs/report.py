"""A self-contained HTML page about the ingested releases: no script, no style and no picture from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from conf.errors import StoreError
from conf.registry import SUBSETS
from jobs.changes import Outcome as Comparison
from jobs.duplicates import Leakage
from jobs.figures import TABLES, Figure, cell, differs
from jobs.ingesting.summary import COLUMNS, KINDS, Summary
from jobs.reconcile import Outcome

COLOURS = {
    "images": "#4e79a7",
    "machine": "#f28e2b",
    "human": "#59a14f",
    "crowdsource": "#b07aa1",
    "boxes": "#e15759",
    "classes": "#76b7b2",
    "hierarchy": "#9c755f",
}
CHANGED = {"images": "#4e79a7", "labels": "#f28e2b", "classes": "#76b7b2"}
VERDICTS = {"positive": "#59a14f", "negative": "#e15759", "unverified": "#bab0ac"}
FIGURES_NOTE = "<p class='note'>A red figure is not the published one, which stands in brackets.</p>"
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #222; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; } th, td { padding: .25rem .7rem; border-bottom: 1px solid #ddd; }
td { text-align: right; font-variant-numeric: tabular-nums; } td.name { text-align: left; } th { text-align: right; }
.bad { color: #b00020; font-weight: 600; } .note { color: #666; } svg { max-width: 100%; height: auto; }
"""
BAR, ROW, LEFT, WIDTH = 14, 18, 190, 640


@dataclass(frozen=True)
class Chapter:
    """All that is told of one release."""

    summary: Summary
    reconciled: Outcome
    leakage: Leakage
    figures: list[Figure]


def write(chapters: Sequence[Chapter], compared: Sequence[Comparison], blobs: str, path: Path) -> Path:
    """The page at `path`, with the chapter on `blobs`; the path, absolute. StoreError when it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(chapters, compared, blobs), encoding="utf-8")
    except OSError as error:
        raise StoreError(
            f"{path}: the report cannot be written ({error.strerror or error}); name another --report"
        ) from None
    return path.absolute()


def page(chapters: Sequence[Chapter], compared: Sequence[Comparison], blobs: str) -> str:
    """The whole HTML document."""
    summaries = [chapter.summary for chapter in chapters]
    warehouse = str(Path(summaries[0].warehouse).absolute()) if summaries else ""
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><title>Open Images lakehouse</title>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<style>{STYLE}</style></head><body><h1>Open Images lakehouse</h1>"
        f"<p>Delta tables in <code>{escape(warehouse)}</code>, read back after they were published.</p>"
        f"<h2>Rows by release and subset</h2><div class='wide'>{_table(summaries)}</div>"
        "<p class='note'>Kept and quarantined are rows of the published files; a class stands in several of them.</p>"
        f"<h2>How the releases compare</h2>{_bars(summaries)}"
        f"<h2>What the labels say, one row an image and class</h2>{_shares(chapters)}"
        f"<h2>The published tables, recomputed</h2>{FIGURES_NOTE}{''.join(map(_figures, chapters))}"
        f"<h2>What changed from release to release</h2>{''.join(map(_comparison, compared))}"
        f"<h2>Photos under several IDs</h2>{_leakage(chapters)}{blobs}"
        f"<h2>Releases</h2>{''.join(map(_release, summaries))}</body></html>\n"
    )


def _table(summaries: Sequence[Summary]) -> str:
    head = "".join(f"<th>{name}</th>" for name in ("release", "subset", *COLUMNS))
    body = "".join(_line(s, subset, counts) for s in summaries for subset, counts in s.rows.items())
    return f"<table><tr>{head}</tr>{body}</table>"


def _line(summary: Summary, subset: str, counts: dict[str, int]) -> str:
    cells = "".join(_cell(column, counts.get(column)) for column in COLUMNS)
    return f"<tr><td class='name'>{escape(summary.release)}</td><td class='name'>{escape(subset)}</td>{cells}</tr>"


def _cell(column: str, count: int | None) -> str:
    marked = " class='bad'" if column == "quarantined" and count else ""
    return f"<td{marked}>{'–' if count is None else f'{count:,}'}</td>"


def _bars(summaries: Sequence[Summary]) -> str:
    """Rows of each kind, all subsets together, on a logarithmic scale."""
    totals = {s.release: {k: sum(c.get(k, 0) for c in s.rows.values()) for k in KINDS} for s in summaries}
    bars = [(release, kind, n) for kind in KINDS for release, counts in totals.items() if (n := counts[kind])]
    most = math.log10(max((n for _, _, n in bars), default=1) + 1)
    drawn = "".join(_bar(at, *bar, most) for at, bar in enumerate(bars))
    height = ROW * len(bars) + 4
    return (
        f"<svg viewBox='0 0 {LEFT + WIDTH + 110} {height}' width='{LEFT + WIDTH + 110}' role='img' "
        f"aria-label='rows by kind and release, logarithmic scale' font-size='12'>{drawn}</svg>"
        "<p class='note'>Rows of each kind, all subsets together; the length of a bar is logarithmic.</p>"
    )


def _bar(at: int, release: str, kind: str, count: int, most: float) -> str:
    return _line_of(at, f"{kind}, {release}", count, COLOURS[kind], most)


def _line_of(at: int, label: str, count: int, colour: str, most: float) -> str:
    width, y = WIDTH * math.log10(count + 1) / most, at * ROW
    return (
        f"<text x='{LEFT - 8}' y='{y + BAR - 2}' text-anchor='end'>{escape(label)}</text>"
        f"<rect x='{LEFT}' y='{y}' width='{width:.1f}' height='{BAR}' fill='{colour}'/>"
        f"<text x='{LEFT + width + 6:.1f}' y='{y + BAR - 2}'>{count:,}</text>"
    )


def _release(summary: Summary) -> str:
    done = f"published in {summary.seconds:.1f} s" if summary.changed else "unchanged since it was published"
    reasons = "".join(f"<li>{escape(name)}: {count:,}</li>" for name, count in summary.reasons.items())
    warnings = "".join(f"<li>{escape(warning)}</li>" for warning in summary.warnings)
    totals = summary.totals
    return (
        f"<h3>{escape(summary.title)}</h3><p>{escape(summary.status)}, {done}: {totals['rows_read']:,} rows read, "
        f"{totals['rows_kept']:,} kept, {totals['rows_quarantined']:,} quarantined; repaired "
        f"{totals['image_ids_repaired']:,} image IDs and {totals['mids_repaired']:,} MIDs.</p>"
        + (f"<p>Quarantined by reason:</p><ul>{reasons}</ul>" if reasons else "")
        + (f"<p>Warnings:</p><ul>{warnings}</ul>" if warnings else "")
    )


def _shares(chapters: Sequence[Chapter]) -> str:
    """A bar a release and subset: positive, negative and unverified pairs as shares of all; conflicts in words."""
    bars = [(c.summary.release, subset, n) for c in chapters for subset, n in c.reconciled.rows.items() if n["pairs"]]
    drawn = "".join(_share(at, f"{release}, {subset}", counts) for at, (release, subset, counts) in enumerate(bars))
    width, height = LEFT + WIDTH + 320, ROW * len(bars) + 4
    legend = ", ".join(f"<span style='color:{colour}'>■</span> {name}" for name, colour in VERDICTS.items())
    return (
        f"<p>{legend}</p><svg viewBox='0 0 {width} {height}' width='{width}' role='img' font-size='12' "
        f"aria-label='share of positive, negative and unverified labels'>{drawn}</svg>"
        "<p class='note'>Decided by the policy of reconcile; a conflict is a class of an image on which human and crowd, "
        "or one of them with itself, say both.</p>"
    )


def _share(at: int, name: str, counts: dict[str, int]) -> str:
    y, x, parts = at * ROW, float(LEFT), []
    for verdict, colour in VERDICTS.items():
        width = WIDTH * counts[verdict] / counts["pairs"]
        parts.append(f"<rect x='{x:.1f}' y='{y}' width='{width:.1f}' height='{BAR}' fill='{colour}'/>")
        x += width
    told = f"{counts['pairs']:,} pairs, {counts['conflicts']:,} conflicts"
    return (
        f"<text x='{LEFT - 8}' y='{y + BAR - 2}' text-anchor='end'>{escape(name)}</text>{''.join(parts)}"
        f"<text x='{LEFT + WIDTH + 6}' y='{y + BAR - 2}'>{told}</text>"
    )


def _figures(chapter: Chapter) -> str:
    return f"<h3>{escape(chapter.summary.title)}</h3>" + "".join(
        f"<div class='wide'>{_figure_table(title, rows, chapter.figures)}</div>" for title, rows in TABLES.items()
    )


def _figure_table(title: str, rows: dict[str, str], figures: Sequence[Figure]) -> str:
    head = "".join(f"<th>{name}</th>" for name in (title, *SUBSETS, "release"))
    body = ""
    for label, name in rows.items():
        of_subset = {figure.subset: figure for figure in figures if figure.figure == name}
        cells = "".join(_figure(of_subset.get(subset)) for subset in (*SUBSETS, None))
        body += f"<tr><td class='name'>{label}</td>{cells}</tr>" if of_subset else ""
    return f"<table><tr>{head}</tr>{body}</table>" if body else ""


def _figure(figure: Figure | None) -> str:
    if figure is None:
        return "<td>–</td>"
    return f"<td class='bad'>{cell(figure)}</td>" if differs(figure) else f"<td>{cell(figure)}</td>"


def _comparison(compared: Comparison) -> str:
    """Rows by what happened to them, a bar for each on a logarithmic scale."""
    bars = [(kind, change, n) for kind, found in compared.changes.items() for change, n in found.items() if n]
    most = math.log10(max((n for _, _, n in bars), default=1) + 1)
    drawn = "".join(
        _line_of(at, f"{kind}: {change.replace('_', ' ')}", count, CHANGED[kind], most)
        for at, (kind, change, count) in enumerate(bars)
    )
    width, height = LEFT + WIDTH + 110, ROW * len(bars) + 4
    return (
        f"<h3>{escape(compared.from_release)} to {escape(compared.to_release)}</h3><svg viewBox='0 0 {width} {height}' "
        f"width='{width}' role='img' aria-label='changes, logarithmic scale' font-size='12'>{drawn}</svg>"
    )


def _leakage(chapters: Sequence[Chapter]) -> str:
    return f"<ul>{''.join(f'<li>{escape(chapter.leakage.as_text())}</li>' for chapter in chapters)}</ul>"
