"""Expectations that data keeps, derived from what was seen of it, in the form of a suite to review."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from oilake.quality import derived_expectations, row_expectations, scopes
from oilake.quality.profiler import ColumnProfile, text_kinds
from oilake.quality.suites import Suite

LEAST_REPEATS = 10
OTHER_REASON = "unexpected_value"
LINE_WIDTH = 120


@dataclass(frozen=True)
class ProfiledSlice:
    """One release's rows of a table, or all of a table without releases. `name`: how a person calls it."""

    name: str
    rows: int
    columns: Mapping[str, ColumnProfile]


@dataclass(frozen=True)
class SuiteProposal:
    """A suite for one table. `promised`: the places of those expectations that the table promises already."""

    table: str
    version: int
    expectations: Sequence[dict[str, Any]]
    promised: Sequence[int]


def propose_suite(
    suite: Suite, slices: Sequence[ProfiledSlice], key: Sequence[str], tolerance: float, most: int
) -> SuiteProposal:
    """What every slice keeps. `key`: columns of which no two rows have the same, none where they were not found.

    `tolerance`: by how much numbers of rows (as a share) and shares of rows with a value (in points) may differ.
    `most`: distinct texts of a column that are proposed as a set.
    """
    profiles = _merge_profiles(slices, most)
    names = _joined_words([entry.name for entry in slices])
    expectations: list[dict[str, Any]] = []
    for column, profile in profiles.items():
        expectations += _column_expectations(suite, column, profile, names)
        expectations += _share_expectations(column, [entry.columns[column] for entry in slices], tolerance, names)
    rows = sum(entry.rows for entry in slices)
    if key:
        expectations.append(_key_expectation(key, rows, names))
    expectations.append(_row_count_expectation([entry.rows for entry in slices], tolerance, names))
    known_arguments = [(entry.type, _unordered_arguments(entry.kwargs)) for entry in suite.expectations]
    promised = [
        index
        for index, entry in enumerate(expectations)
        if (entry["type"], _unordered_arguments(entry["kwargs"])) in known_arguments
    ]
    return SuiteProposal(suite.name, suite.version + 1, expectations, promised)


def _unordered_arguments(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments, in which the order of a set's values tells nothing."""
    return {key: set(value) if key == "value_set" else value for key, value in kwargs.items()}


def _merge_profiles(slices: Sequence[ProfiledSlice], most: int) -> dict[str, ColumnProfile]:
    merged: dict[str, ColumnProfile] = {}
    for profiled_slice in slices:
        for column, profile in profiled_slice.columns.items():
            merged.setdefault(column, ColumnProfile()).add(profile, most)
    return merged


def _column_expectations(suite: Suite, column: str, profile: ColumnProfile, names: str) -> Iterator[dict[str, Any]]:
    """What every value of a column keeps, each row by itself."""
    if not profile.present:
        return
    evidence = f"seen in {profile.present:,} of {profile.present:,} values of {names}"
    if not profile.missing:
        row_evidence = f"seen in {profile.rows:,} of {profile.rows:,} rows of {names}"
        yield _row_expectation(
            row_expectations.NOT_NULL,
            {"column": column},
            f"{derived_expectations.NEVER_NULL.format(column=column)}: {row_evidence}",
            "missing_value",
        )
    if profile.low is not None and profile.high is not None and profile.is_finite:
        kwargs = {"column": column, "min_value": profile.low, "max_value": profile.high}
        description = f"{column} lies between {profile.low} and {profile.high}: {evidence}"
        yield _row_expectation(row_expectations.BETWEEN, kwargs, description, _column_reason(suite, column), "warning")
    yield from _text_expectations(suite, column, profile, evidence)


def _text_expectations(suite: Suite, column: str, profile: ColumnProfile, evidence: str) -> Iterator[dict[str, Any]]:
    """The kind of a column's texts, or the set of a few that are repeated."""
    kind = next((kind for kind in text_kinds() if kind in profile.kinds), None)
    is_repeated = profile.present >= LEAST_REPEATS * len(profile.values or ())
    if profile.values and is_repeated and (kind is None or text_kinds()[kind].is_weak):
        kwargs = {"column": column, "value_set": sorted(profile.values)}
        description = f"{column} is {_joined_words(sorted(profile.values), 'or')}: {evidence}"
        yield _row_expectation(row_expectations.IN_SET, kwargs, description, _column_reason(suite, column), "warning")
    elif kind is not None:
        text_kind = text_kinds()[kind]
        reason = text_kind.reason if kind in column else _column_reason(suite, column)
        yield _row_expectation(
            row_expectations.MATCH,
            {"column": column, "regex": text_kind.regex},
            f"{column} is {text_kind.words}: {evidence}",
            reason,
        )
        if row_expectations.needs_no_line_breaks(
            row_expectations.Rule(row_expectations.MATCH, {"regex": text_kind.regex})
        ):
            description = f"{derived_expectations.NO_LINE_BREAK.format(column=column)}: {evidence}"
            yield _row_expectation(
                row_expectations.NOT_MATCH,
                {"column": column, "regex": derived_expectations.ANY_LINE_BREAK},
                description,
                reason,
            )


def _share_expectations(
    column: str, slices: Sequence[ColumnProfile], tolerance: float, names: str
) -> Iterator[dict[str, Any]]:
    """The share of rows that have a value, where some have none and some have one."""
    shares = [profile.present / profile.rows for profile in slices if profile.rows]
    if not shares or min(shares) == 1 or max(shares) == 0:
        return
    low = max(0.0, math.floor((min(shares) - tolerance) * 1e4) / 1e4)
    high = min(1.0, math.ceil((max(shares) + tolerance) * 1e4) / 1e4)
    if (low, high) == (0, 1):
        return
    present, rows = sum(profile.present for profile in slices), sum(profile.rows for profile in slices)
    yield {
        "type": scopes.FILLED_SHARE,
        "kwargs": {"column": column, "min_value": low, "max_value": high},
        "severity": "warning",
        "description": f"{100 * low:g} to {100 * high:g} % of the rows have a value in {column}: "
        f"seen in {present:,} of {rows:,} rows of {names}, give or take {100 * tolerance:g} points",
        "meta": {"scope": "table"},
    }


def _key_expectation(key: Sequence[str], rows: int, names: str) -> dict[str, Any]:
    is_one = len(key) == 1
    return {
        "type": scopes.UNIQUE_COLUMN if is_one else scopes.UNIQUE_COLUMNS,
        "kwargs": {"column": key[0]} if is_one else {"column_list": list(key), "ignore_row_if": "never"},
        "severity": "critical",
        "description": f"no two rows have the same {_joined_words(key)}: seen in {rows:,} of {rows:,} rows of {names}",
        "meta": {"scope": "table"},
    }


def _row_count_expectation(rows: Sequence[int], tolerance: float, names: str) -> dict[str, Any]:
    low, high = math.floor(min(rows) * (1 - tolerance)), math.ceil(max(rows) * (1 + tolerance))
    counted = _joined_words([f"{count:,}" for count in rows])
    return {
        "type": scopes.ROW_COUNT,
        "kwargs": {"min_value": low, "max_value": high},
        "severity": "warning",
        "description": f"there are {low:,} to {high:,} rows: {counted} seen in {names}, give or take {100 * tolerance:g} %",
        "meta": {"scope": "table"},
    }


def _row_expectation(
    kind: str, kwargs: dict[str, Any], words: str, reason: str, severity: str = "critical"
) -> dict[str, Any]:
    meta = {"scope": "row", "reason": reason}
    return {"type": kind, "kwargs": kwargs, "severity": severity, "description": words, "meta": meta}


def _column_reason(suite: Suite, column: str) -> str:
    """The reason that the table itself gives for bad values of the column."""
    declared_reasons = [
        e.meta.reason for e in suite.expectations if column in e.columns and e.type != row_expectations.NOT_NULL
    ]
    return next((reason for reason in declared_reasons if reason and reason != "missing_value"), OTHER_REASON)


def _joined_words(words: Sequence[str], last: str = "and") -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def proposal_yaml(proposal: SuiteProposal, notes: Sequence[str]) -> str:
    """The suite as YAML, `notes` above it as comments, and a comment above each expectation that is promised already."""
    head = yaml.safe_dump(
        {"name": proposal.table, "meta": {"version": proposal.version}}, sort_keys=False, allow_unicode=True
    )
    lines = [*(f"# {note}" for note in notes), head.rstrip(), "expectations:"]
    for n, expectation in enumerate(proposal.expectations):
        lines += ["  # promised already"] if n in proposal.promised else []
        dumped = yaml.safe_dump([expectation], sort_keys=False, allow_unicode=True, width=LINE_WIDTH)
        lines += [f"  {line}" if line else line for line in dumped.rstrip("\n").split("\n")]
    return "\n".join(lines) + "\n"
