"""The page of one table: what it is, what it promises, what broke a promise, and how that went over its versions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from conf import bounded_json
from jobs.documenting import plots
from jobs.documenting.story import KeptOut, Promise, Slice, State, Table
from jobs.documenting.style import COLOURS, SCOPES, SEVERITIES, WORDS, counted, grid, mark, number, outcome, page, share
from jobs.judging.looks import Look
from quality import loader as quality

PLOTTED = 5
LISTED = 50
LOOKS = [
    ("looked at (UTC)", ""),
    ("version", "number"),
    ("by", ""),
    ("rows", "number"),
    ("kept", "number"),
    ("not kept", ""),
]
VERDICTS: dict[State, str] = {
    "broken": "A promise is broken on which everything rests. Do not build on this table before it is mended.",
    "warned": "All that must hold holds; what is marked below deserves a look.",
    "kept": "Every promise that was looked at is kept.",
    "unknown": "Nobody has looked yet whether the promises are kept.",
}


def table_page(table: Table, links: Sequence[tuple[str, str]]) -> str:
    """The whole HTML document. `links`: (text, address) of Great Expectations' own pages about the table."""
    return page(
        f"{table.name}: promises and results",
        f"<p><a href='index.html'>All tables</a></p><h1>{escape(table.name)}</h1>{_what(table)}{_verdict(table)}"
        f"{_broken(table)}{_promises(table)}{_history(table)}{_links(links)}",
    )


def verdict(table: Table) -> State:
    """The worst that became of any promise."""
    states = table.states
    for one in ("broken", "warned"):
        if states[one]:
            return one
    return "kept" if states["kept"] else "unknown"


def _what(table: Table) -> str:
    rows = "" if table.rows is None else f" {counted(table.rows, 'row')}, as last counted."
    grain = f" One row is {escape(table.grain)}." if table.grain else ""
    columns = [
        [f"<code>{escape(c.name)}</code>", escape(c.type), "yes" if c.nullable else "no", escape(c.meaning)]
        for c in table.columns
    ]
    head = [("column", ""), ("type", ""), ("may be NULL", ""), ("meaning", "")]
    return (
        f"<p>{escape(table.description)}{grain}{rows} Delta version {table.version}.</p>"
        f"<details><summary>Its {counted(len(columns), 'column')}</summary>{grid('columns', head, columns)}</details>"
    )


def _verdict(table: Table) -> str:
    states, worst, look = table.states, verdict(table), table.last_look
    told = ", ".join(f"{states[one]:,} {WORDS[one][1]}" for one in WORDS if states[one])
    when = f" Last looked at on {escape(look.checked_at)} UTC, by {escape(look.job)}." if look else ""
    refused = [one for one in table.slices if one.looks[-1].version is None]
    held = "".join(
        f"<p class='verdict broken'>The last attempt to publish {escape(one.name)} was refused on "
        f"{escape(one.looks[-1].checked_at)} UTC; what stands here is from before.</p>"
        for one in refused
    )
    of = (
        f"{told} of {counted(sum(states.values()), 'promise')} in {counted(len(table.slices), 'part')}."
        if states
        else ""
    )
    return f"<p class='verdict {worst}'>{VERDICTS[worst]} {of}{when}</p>{held}"


def _promises(table: Table) -> str:
    groups = dict.fromkeys([*SCOPES, *(e.meta.scope for e in table.suite.expectations)])
    drawn = "".join(_group(table, scope) for scope in groups)
    return f"<h2>What it promises</h2>{drawn}"


def _group(table: Table, scope: str) -> str:
    found: dict[str, dict[str, Promise]] = {}
    for one in table.slices or [Slice(table.suite, "", "", ())]:
        for promise in one.promises:
            if promise.scope == scope:
                found.setdefault(promise.name, {})[one.name] = promise
    if not found:
        return ""
    title, said = SCOPES.get(scope, (scope, ""))
    names = [one.name for one in table.slices] or ["result"]
    rows = [_row(of, names) for of in found.values()]
    head = [("promise", ""), ("when broken", ""), *((name, "") for name in names)]
    return f"<h3>{escape(title)}</h3><p class='note'>{escape(said)}</p>{grid(title, head, rows)}"


def _row(of: Mapping[str, Promise], names: Sequence[str]) -> list[str]:
    promise = next(iter(of.values()))
    sent = promise.scope == "row" and promise.reason
    told = f"quarantine: {promise.reason}" if sent else SEVERITIES.get(promise.severity, promise.severity)
    shown = f"{escape(promise.description)} <code>{escape(promise.name)}</code>"
    return [shown, escape(told), *(_cell(of.get(name)) for name in names)]


def _cell(promise: Promise | None) -> str:
    return outcome(promise) if promise else mark("unknown")


def _broken(table: Table) -> str:
    found = [(one, p) for one in table.slices for p in one.promises if p.state not in ("kept", "unknown")]
    order = list(WORDS)
    found.sort(key=lambda pair: order.index(pair[1].state))
    told = f"<h2>What is not kept</h2>{''.join(_failure(*pair) for pair in found)}" if found else ""
    return told + _quarantined([(one, kept) for one in table.slices for kept in one.kept_out])


def _failure(one: Slice, promise: Promise) -> str:
    assert promise.result is not None
    assert promise.look is not None
    remedy = promise.remedy or quality.remedies().get(promise.reason or "")
    advice = f"<p>What can be done: {escape(remedy)}.</p>" if remedy else ""
    seen = f"Delta version {promise.look.version}, {promise.look.checked_at} UTC"
    return (
        f"<h3>{mark(promise.state)} in {escape(one.name)}: {escape(promise.description)}</h3>"
        f"<p>{escape(share(promise.result))}; seen in {escape(seen)}. <code>{escape(promise.name)}</code></p>{advice}"
        f"{_examples(promise.result.examples)}"
    )


def _examples(examples: Sequence[str]) -> str:
    if not examples:
        return ""
    found = [_parsed(example) for example in examples]
    columns = list(dict.fromkeys(key for row in found for key in row))
    caption = f"{counted(len(found), 'example')}, with the key by which each is found again"
    rows = [[_value(row, key) for key in columns] for row in found]
    shown = grid(caption, [(column, "") for column in columns], rows, "cards examples")
    return f"<p class='note'>{caption}:</p><div class='wide'>{shown}</div>"


def _parsed(example: str) -> dict[str, Any]:
    try:
        found = bounded_json.parse(example)
    except ValueError:
        found = None
    return found if isinstance(found, dict) and found else {"found": example}


def _value(row: Mapping[str, Any], key: str) -> str:
    if key not in row:
        return ""
    value = row[key]
    return (
        "<span class='unknown'>NULL</span>"
        if value is None
        else escape(value if isinstance(value, str) else json.dumps(value))
    )


def _quarantined(found: Sequence[tuple[Slice, KeptOut]]) -> str:
    if not found:
        return ""
    rows = [
        [escape(kept.description), escape(one.name), f"{kept.rows:,}", f"<code>{escape(kept.reason)}</code>"]
        for one, kept in found
    ]
    head = [("because of", ""), ("in", ""), ("rows kept out", "number"), ("reason", "")]
    return (
        "<h2>Rows kept out</h2><p>These rows were not taken into the table when the release was last read; none is lost: "
        "<code>oilake quarantine show</code> lists them.</p>" + grid("rows kept out", head, rows)
    )


def _history(table: Table) -> str:
    if not table.slices:
        return "<h2>How it went</h2><p>There is no history yet: <code>oilake check</code> begins one.</p>"
    return (
        "<h2>How it went</h2><p class='note'>A bar is one look: the gate before a publication, or a check after it, the "
        "oldest first. Under a bar stands the Delta version that was looked at, under the first of several only.</p>"
        f"{''.join(map(_past, table.slices))}"
    )


def _past(one: Slice) -> str:
    drawn = plots.bars("Rows", one.looks, lambda look: look.rows, plots.ROWS, "row")
    drawn += plots.kept("Promises kept (green), to note (blue), warned of (orange), broken (red)", one.looks)
    if any(_kept_out(look) for look in one.looks):
        drawn += plots.bars("Rows kept out at ingest", one.looks, _kept_out, COLOURS["warned"], "row")
    worst: dict[str, int] = {}
    for look in one.looks:
        for name, result in look.results.items():
            if not result.success:
                worst[name] = max(worst.get(name, 0), result.unexpected_count or 0)
    names = sorted(worst, key=lambda name: (-worst[name], name))
    for name in names[:PLOTTED]:
        drawn += plots.bars(f"Rows that break {name}", one.looks, _unexpected(name), COLOURS["broken"], "row")
    more = f"<p class='note'>Without a plot: {escape(', '.join(names[PLOTTED:]))}.</p>" if names[PLOTTED:] else ""
    rows = [_look(look) for look in reversed(one.looks[-LISTED:])]
    return (
        f"<h3>{escape(one.name)}</h3><div class='plots'>{drawn}</div>{more}{grid(f'looks at {one.name}', LOOKS, rows)}"
    )


def _unexpected(name: str) -> Any:
    return lambda look: look.results[name].unexpected_count if name in look.results else None


def _kept_out(look: Look) -> int | None:
    counts = [r.quarantined_count for r in look.results.values() if r.quarantined_count is not None]
    return sum(counts) if counts else None


def _look(look: Look) -> list[str]:
    not_kept = [(name, result) for name, result in look.results.items() if not result.success]
    told = "; ".join(f"{escape(name)} ({escape(share(result))})" for name, result in not_kept) or "–"
    version = "refused" if look.version is None else f"{look.version}"
    return [
        escape(look.checked_at),
        version,
        escape(look.job),
        number(look.rows),
        f"{len(look.judged) - len(not_kept):,} of {len(look.judged):,}",
        told,
    ]


def _links(links: Sequence[tuple[str, str]]) -> str:
    if not links:
        return ""
    listed = "".join(f"<li><a href='{escape(address)}'>{escape(text)}</a></li>" for text, address in links)
    return f"<h2>In Great Expectations' own pages</h2><ul>{listed}</ul>"
