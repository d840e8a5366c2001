"""How the pages say things: states of promises, numbers, and how many rows break a promise."""

from __future__ import annotations

import re
from typing import NamedTuple

from oilake.jobs.reporting.table_history import Promise, State
from oilake.quality.results import Result


class StateWord(NamedTuple):
    """A state for the eye and for the ear."""

    sign: str
    word: str


class ScopeWords(NamedTuple):
    """The heading over the promises of one scope, and what is to be known of them."""

    title: str
    note: str


STATES: dict[State, StateWord] = {
    "kept": StateWord("✓", "kept"),
    "broken": StateWord("✗", "broken"),
    "warned": StateWord("▲", "warning"),
    "noted": StateWord("●", "to note"),
    "unknown": StateWord("–", "not asked"),
}
VERDICTS: dict[State, str] = {
    "broken": "A promise is broken on which everything rests. Do not build on this table before it is mended.",
    "warned": "All that must hold holds; what is marked below deserves a look.",
    "kept": "Every promise that was looked at is kept.",
    "unknown": "Nobody has looked yet whether the promises are kept.",
}
SCOPES = {
    "row": ScopeWords("About each row", "Rows that break one of these go to quarantine when a release is read."),
    "table": ScopeWords("About the table as a whole", "Judged before anything is published, and by every check."),
    "cross_table": ScopeWords("About this table beside others", "Asked by a check, of complete releases."),
    "release": ScopeWords("About a complete release", "Published figures, and what changed since the release before."),
}
SEVERITIES = {
    "critical": "critical: nothing is published",
    "warning": "warning: recorded and shown",
    "info": "a thing to note",
}
WHOLE_NUMBER = re.compile("[0-9]{1,18}")


def number(count: int | None) -> str:
    """Word a count for a table's cell."""
    return "–" if count is None else f"{count:,}"


def counted(count: int, singular: str, plural: str | None = None) -> str:
    """Word a count and its noun: `1 row`, `2 rows`."""
    return f"1 {singular}" if count == 1 else f"{count:,} {plural or singular + 's'}"


def percent_text(value: float) -> str:
    """Word a percentage so that it never rounds to none."""
    return "under 0.001 %" if 0 < value < 0.001 else f"{value:.3g} %"


def share(result: Result) -> str:
    """Word how many rows break a promise, of how many, in percent; or what was found instead."""
    if result.unexpected_count is None:
        observed = result.observed or ""
        return counted(int(observed), "row") if WHOLE_NUMBER.fullmatch(observed) else observed
    if not result.element_count or result.unexpected_percent is None:
        return counted(result.unexpected_count, "row")
    rows = counted(result.element_count, "row")
    return f"{result.unexpected_count:,} of {rows} ({percent_text(result.unexpected_percent)})"


def outcome_notes(promise: Promise) -> list[str]:
    """Return what a cell says beside the state: why nobody asked, how many rows break it, how many were kept out."""
    notes = []
    if promise.result is None and promise.why_not:
        notes.append(promise.why_not)
    if promise.result is not None and (not promise.result.success or promise.result.observed):
        notes.append(share(promise.result))
    if promise.kept_out:
        notes.append(f"{counted(promise.kept_out, 'row')} kept out")
    return notes


def consequence(promise: Promise) -> str:
    """Word what follows where the promise is broken."""
    if promise.scope == "row" and promise.reason:
        return f"quarantine: {promise.reason}"
    return SEVERITIES.get(promise.severity, promise.severity)
