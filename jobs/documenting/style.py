"""The frame of every page, and how the pages say things."""

from __future__ import annotations

import re
from html import escape

from jobs.documenting.story import Promise, State
from quality.results import Result

GENERATOR = "<meta name='generator' content='oilake docs'>"
POLICY = "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src 'unsafe-inline'\">"
SCOPES = {
    "row": ("About each row", "Rows that break one of these go to quarantine when a release is read."),
    "table": ("About the table as a whole", "Judged before anything is published, and by every check."),
    "cross_table": ("About this table beside others", "Asked by a check, of complete releases."),
    "release": ("About a complete release", "Published figures, and what changed since the release before."),
}
SEVERITIES = {
    "critical": "critical: nothing is published",
    "warning": "warning: recorded and shown",
    "info": "a thing to note",
}
WORDS: dict[State, tuple[str, str]] = {
    "kept": ("✓", "kept"),
    "broken": ("✗", "broken"),
    "warned": ("▲", "warning"),
    "noted": ("●", "to note"),
    "unknown": ("–", "not asked"),
}
COLOURS: dict[State, str] = {
    "kept": "#2e7d4f",
    "broken": "#b3261e",
    "warned": "#b26a00",
    "noted": "#4a6785",
    "unknown": "#767676",
}
STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: #1c1c1c; background: #fff; margin: 0 auto;
  max-width: 76rem; padding: 1rem; overflow-wrap: break-word; }
a { color: #0b57a4; } code { font-size: .85em; color: #444; overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: .5rem 0; } h2 { font-size: 1.3rem; margin: 2.2rem 0 .5rem; }
h3 { font-size: 1.05rem; margin: 1.6rem 0 .3rem; }
p { max-width: 46rem; margin: .4rem 0; } .note { color: #5a5a5a; font-size: .9rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; }
th, td { padding: .35rem .6rem; border-bottom: 1px solid #ddd; text-align: left; vertical-align: top; }
thead th { border-bottom: 2px solid #888; font-size: .9rem; } tbody th { font-weight: 400; }
.number { text-align: right; font-variant-numeric: tabular-nums; } td.number { white-space: nowrap; }
.examples { width: auto; font-size: .85rem; }
.examples td, .examples th[scope=row] { font-family: ui-monospace, "DejaVu Sans Mono", monospace; }
.state { font-weight: 600; white-space: nowrap; } .small { display: block; font-size: .85rem; color: #444; }
.kept { color: #2e7d4f; } .broken { color: #b3261e; } .warned { color: #8a5200; } .noted { color: #3b5670; }
.unknown { color: #5f5f5f; }
.verdict { border-left: .35rem solid; padding: .4rem .8rem; background: #f6f6f6; max-width: 46rem; color: #1c1c1c; }
.verdict.kept { border-color: #2e7d4f; } .verdict.broken { border-color: #b3261e; }
.verdict.warned { border-color: #b26a00; } .verdict.unknown { border-color: #767676; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); gap: 1rem; }
figure { margin: 0; max-width: 24rem; } figcaption { font-size: .9rem; } svg { width: 100%; height: auto; display: block; }
summary { cursor: pointer; margin: .8rem 0; color: #0b57a4; }
@media screen and (max-width: 44rem) {
  body { padding: .75rem; }
  .cards thead { position: absolute; clip-path: inset(50%); height: 1px; overflow: hidden; }
  .cards, .cards tbody, .cards tr, .cards th, .cards td { display: block; width: 100%; text-align: left; border: 0;
    padding: .1rem 0; }
  .cards tr { border: 1px solid #ccc; border-radius: .4rem; padding: .5rem .7rem; margin: .6rem 0; }
  .cards tbody th { font-weight: 600; } .cards td[data-label]::before { content: attr(data-label) ": "; color: #5a5a5a; }
  .cards td.number { display: inline-block; width: auto; margin-right: 1.2rem; }
  .cards td .small { display: inline; } .cards th .small, .cards th code { font-weight: 400; }
}
@media print {
  body { max-width: none; font-size: 10pt; } a { color: inherit; } .wide { overflow: visible; }
  tr, figure { break-inside: avoid; } h2, h3 { break-after: avoid; }
}
"""


DIGITS = re.compile("[0-9]{1,18}")


def page(title: str, body: str) -> str:
    """A whole HTML document without a script, that asks nothing of anybody."""
    return (
        f"<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>{POLICY}{GENERATOR}<title>{escape(title)}</title>"
        f"<meta name='viewport' content='width=device-width, initial-scale=1'><style>{STYLE}</style></head>"
        f"<body><main>{body}</main></body></html>\n"
    )


def grid(caption: str, head: list[tuple[str, str]], body: list[list[str]], kind: str = "cards") -> str:
    """A table that becomes a list of cards on a narrow screen; the first cell of a row names it, and `head` is
    (label, class) a column. Cells are HTML. Roles keep it a table for readers when it looks like cards."""
    shown = "".join(f"<th scope='col' role='columnheader' class='{kind}'>{escape(label)}</th>" for label, kind in head)
    lines = "".join(_line(head, row) for row in body)
    return (
        f"<table class='{kind}' role='table' aria-label='{escape(caption)}'><thead role='rowgroup'>"
        f"<tr role='row'>{shown}</tr></thead><tbody role='rowgroup'>{lines}</tbody></table>"
    )


def _line(head: list[tuple[str, str]], row: list[str]) -> str:
    cells = "".join(
        f"<td role='cell' class='{kind}' data-label='{escape(label)}'>{cell}</td>"
        for (label, kind), cell in zip(head[1:], row[1:], strict=True)
    )
    return f"<tr role='row'><th scope='row' role='rowheader'>{row[0]}</th>{cells}</tr>"


def mark(of: State) -> str:
    """A state as a sign and a word."""
    sign, word = WORDS[of]
    return f"<span class='state {of}'><span aria-hidden='true'>{sign}</span> {word}</span>"


def number(count: int | None) -> str:
    """A count for a table's cell."""
    return "–" if count is None else f"{count:,}"


def counted(count: int, one: str, many: str | None = None) -> str:
    """`1 row`, `2 rows`."""
    return f"1 {one}" if count == 1 else f"{count:,} {many or one + 's'}"


def share(result: Result) -> str:
    """How many rows break a promise, of how many, in percent; or what was found instead."""
    if result.unexpected_count is None:
        observed = result.observed or ""
        return counted(int(observed), "row") if DIGITS.fullmatch(observed) else observed
    told = counted(result.unexpected_count, "row")
    if result.element_count and result.unexpected_percent is not None:
        of = counted(result.element_count, "row")
        told = f"{result.unexpected_count:,} of {of} ({percent(result.unexpected_percent)})"
    return told


def percent(value: float) -> str:
    """A percentage that never rounds to none."""
    return "under 0.001 %" if 0 < value < 0.001 else f"{value:.3g} %"


def outcome(promise: Promise) -> str:
    """A promise's last result as a cell."""
    told = [mark(promise.state)]
    if promise.result is None and promise.why_not:
        told.append(escape(promise.why_not))
    if promise.result is not None and (not promise.result.success or promise.result.observed):
        told.append(escape(share(promise.result)))
    if promise.kept_out:
        told.append(f"{counted(promise.kept_out, 'row')} kept out")
    return told[0] + "".join(f" <span class='small'>{part}</span>" for part in told[1:])
