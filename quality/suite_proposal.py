"""Expectations that data keeps, derived from what was seen of it, in the form of a suite to review."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from oilake.quality import derived_expectations, row_expectations, scopes
from oilake.quality.profiler import Seen, kinds
from oilake.quality.suites import Suite

REPEATED = 10
OTHER = "unexpected_value"
WIDTH = 120


@dataclass(frozen=True)
class Slice:
    """One release's rows of a table, or all of a table without releases. `name`: how a person calls it."""

    name: str
    rows: int
    columns: Mapping[str, Seen]


@dataclass(frozen=True)
class Proposal:
    """A suite for one table. `promised`: the places of those expectations that the table promises already."""

    table: str
    version: int
    expectations: Sequence[dict[str, Any]]
    promised: Sequence[int]


def propose(suite: Suite, slices: Sequence[Slice], key: Sequence[str], tolerance: float, most: int) -> Proposal:
    """What every slice keeps. `key`: columns of which no two rows have the same, none where they were not found.

    `tolerance`: by how much numbers of rows (as a share) and shares of rows with a value (in points) may differ.
    `most`: distinct texts of a column that are proposed as a set.
    """
    seen = _together(slices, most)
    names = _listed([one.name for one in slices])
    found: list[dict[str, Any]] = []
    for column, whole in seen.items():
        found += _of_column(suite, column, whole, names)
        found += _filled(column, [one.columns[column] for one in slices], tolerance, names)
    rows = sum(one.rows for one in slices)
    if key:
        found.append(_key(key, rows, names))
    found.append(_rows([one.rows for one in slices], tolerance, names))
    known = [(one.type, _unordered(one.kwargs)) for one in suite.expectations]
    promised = [n for n, one in enumerate(found) if (one["type"], _unordered(one["kwargs"])) in known]
    return Proposal(suite.name, suite.version + 1, found, promised)


def _unordered(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments, in which the order of a set's values tells nothing."""
    return {key: set(value) if key == "value_set" else value for key, value in kwargs.items()}


def _together(slices: Sequence[Slice], most: int) -> dict[str, Seen]:
    whole: dict[str, Seen] = {}
    for one in slices:
        for column, seen in one.columns.items():
            whole.setdefault(column, Seen()).add(seen, most)
    return whole


def _of_column(suite: Suite, column: str, seen: Seen, names: str) -> Iterator[dict[str, Any]]:
    """What every value of a column keeps, each row by itself."""
    if not seen.present:
        return
    told = f"seen in {seen.present:,} of {seen.present:,} values of {names}"
    if not seen.missing:
        told_rows = f"seen in {seen.rows:,} of {seen.rows:,} rows of {names}"
        yield _row(
            row_expectations.NOT_NULL,
            {"column": column},
            f"{derived_expectations.NEVER_NULL.format(column=column)}: {told_rows}",
            "missing_value",
        )
    if seen.low is not None and seen.high is not None and seen.is_finite:
        kwargs = {"column": column, "min_value": seen.low, "max_value": seen.high}
        words = f"{column} lies between {seen.low} and {seen.high}: {told}"
        yield _row(row_expectations.BETWEEN, kwargs, words, _reason(suite, column), "warning")
    yield from _of_text(suite, column, seen, told)


def _of_text(suite: Suite, column: str, seen: Seen, told: str) -> Iterator[dict[str, Any]]:
    """The kind of a column's texts, or the set of a few that are repeated."""
    kind = next((kind for kind in kinds() if kind in seen.kinds), None)
    is_repeated = seen.present >= REPEATED * len(seen.values or ())
    if seen.values and is_repeated and (kind is None or kinds()[kind].is_weak):
        kwargs = {"column": column, "value_set": sorted(seen.values)}
        words = f"{column} is {_listed(sorted(seen.values), 'or')}: {told}"
        yield _row(row_expectations.IN_SET, kwargs, words, _reason(suite, column), "warning")
    elif kind is not None:
        known = kinds()[kind]
        reason = known.reason if kind in column else _reason(suite, column)
        yield _row(
            row_expectations.MATCH,
            {"column": column, "regex": known.regex},
            f"{column} is {known.words}: {told}",
            reason,
        )
        if row_expectations.needs_no_line_breaks(row_expectations.Rule(row_expectations.MATCH, {"regex": known.regex})):
            words = f"{derived_expectations.NO_LINE_BREAK.format(column=column)}: {told}"
            yield _row(
                row_expectations.NOT_MATCH,
                {"column": column, "regex": derived_expectations.ANY_LINE_BREAK},
                words,
                reason,
            )


def _filled(column: str, slices: Sequence[Seen], tolerance: float, names: str) -> Iterator[dict[str, Any]]:
    """The share of rows that have a value, where some have none and some have one."""
    shares = [seen.present / seen.rows for seen in slices if seen.rows]
    if not shares or min(shares) == 1 or max(shares) == 0:
        return
    low = max(0.0, math.floor((min(shares) - tolerance) * 1e4) / 1e4)
    high = min(1.0, math.ceil((max(shares) + tolerance) * 1e4) / 1e4)
    if (low, high) == (0, 1):
        return
    present, rows = sum(seen.present for seen in slices), sum(seen.rows for seen in slices)
    yield {
        "type": scopes.FILLED,
        "kwargs": {"column": column, "min_value": low, "max_value": high},
        "severity": "warning",
        "description": f"{100 * low:g} to {100 * high:g} % of the rows have a value in {column}: "
        f"seen in {present:,} of {rows:,} rows of {names}, give or take {100 * tolerance:g} points",
        "meta": {"scope": "table"},
    }


def _key(key: Sequence[str], rows: int, names: str) -> dict[str, Any]:
    is_one = len(key) == 1
    return {
        "type": scopes.UNIQUE_COLUMN if is_one else scopes.UNIQUE_COLUMNS,
        "kwargs": {"column": key[0]} if is_one else {"column_list": list(key), "ignore_row_if": "never"},
        "severity": "critical",
        "description": f"no two rows have the same {_listed(key)}: seen in {rows:,} of {rows:,} rows of {names}",
        "meta": {"scope": "table"},
    }


def _rows(rows: Sequence[int], tolerance: float, names: str) -> dict[str, Any]:
    low, high = math.floor(min(rows) * (1 - tolerance)), math.ceil(max(rows) * (1 + tolerance))
    counted = _listed([f"{count:,}" for count in rows])
    return {
        "type": scopes.ROW_COUNT,
        "kwargs": {"min_value": low, "max_value": high},
        "severity": "warning",
        "description": f"there are {low:,} to {high:,} rows: {counted} seen in {names}, give or take {100 * tolerance:g} %",
        "meta": {"scope": "table"},
    }


def _row(kind: str, kwargs: dict[str, Any], words: str, reason: str, severity: str = "critical") -> dict[str, Any]:
    meta = {"scope": "row", "reason": reason}
    return {"type": kind, "kwargs": kwargs, "severity": severity, "description": words, "meta": meta}


def _reason(suite: Suite, column: str) -> str:
    """The reason that the table itself gives for bad values of the column."""
    given = [e.meta.reason for e in suite.expectations if column in e.columns and e.type != row_expectations.NOT_NULL]
    return next((reason for reason in given if reason and reason != "missing_value"), OTHER)


def _listed(words: Sequence[str], last: str = "and") -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def text(proposal: Proposal, notes: Sequence[str]) -> str:
    """The suite as YAML, `notes` above it as comments, and a comment above each expectation that is promised already."""
    head = yaml.safe_dump(
        {"name": proposal.table, "meta": {"version": proposal.version}}, sort_keys=False, allow_unicode=True
    )
    lines = [*(f"# {note}" for note in notes), head.rstrip(), "expectations:"]
    for n, expectation in enumerate(proposal.expectations):
        lines += ["  # promised already"] if n in proposal.promised else []
        dumped = yaml.safe_dump([expectation], sort_keys=False, allow_unicode=True, width=WIDTH)
        lines += [f"  {line}" if line else line for line in dumped.rstrip("\n").split("\n")]
    return "\n".join(lines) + "\n"
