"""Splits valid rows from quarantined ones: the one place where a row is judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oilake.jobs.transforms.normalized_batch import Normalized
from oilake.quality import row_expectations
from oilake.quality.suites import Expectation, load

Mask = npt.NDArray[np.bool_]
KEY = "key_is_unique"


@dataclass
class Judged:
    """`good`: which rows keep every promise, shape (rows,); `reasons`: all reasons of each other row, by row; `broken`: rows
    that broke an expectation, by its name."""

    good: Mask
    reasons: dict[int, list[str]]
    broken: Counter[str] = field(default_factory=Counter)


def expectations(table: str) -> list[Expectation]:
    """The table's row-level expectations."""
    return load(table).of("row")


def warm_up() -> None:
    """Loads what judging rows needs: a worker that does so while nothing waits for it begins its first split at once."""
    expectations("labels")


def judge(normalized: Normalized, promised: Sequence[Expectation]) -> Judged:
    """Judges what stands in the rows, and what is the same for all of them, such as the subset of their file."""
    table = pa.table(normalized.columns)
    constants = pa.table({name: pa.array([value], pa.string()) for name, value in normalized.constants.items()})
    good = np.ones(len(table), np.bool_)
    broken: dict[str, Mask] = {}
    found: list[tuple[Mask, str]] = []
    for column, bad, reason in normalized.faults:
        found.append((bad, reason))
        for name, mine in _meant(column, bad, reason, promised, table).items():
            broken[name] = broken.get(name, False) | mine
    for expectation in promised:
        is_constant = expectation.kwargs.get("column") in normalized.constants
        ok = row_expectations.passes(expectation.rule, constants if is_constant else table)
        ok = np.repeat(ok, len(table)) if is_constant else ok
        if not ok.all():
            bad = _unexplained(~ok, expectation, normalized)
            found.append((bad, expectation.meta.reason or ""))
            broken[expectation.name] = broken.get(expectation.name, False) | bad
    for bad, _ in found:
        good &= ~bad
    return Judged(good, _reasons(found), +Counter({name: int(bad.sum()) for name, bad in broken.items()}))


def _meant(column: str, bad: Mask, reason: str, promised: Sequence[Expectation], table: pa.Table) -> dict[str, Mask]:
    """Which rows by the expectation that an unreadable value would have broken: the first about the row that has its reason,
    those of its column before others. A reason that no published value can show counts by its own name."""
    left, found = bad, dict[str, Mask]()
    of_reason = [expectation for expectation in promised if expectation.meta.reason == reason]
    if not of_reason:
        return {reason: bad}
    for expectation in sorted(of_reason, key=lambda e: e.kwargs.get("column") != column):
        picked = row_expectations.concerned(expectation.rule, table)
        mine = left if picked is None else left & picked
        found[expectation.name] = mine
        left = left & ~mine
    return found


def _unexplained(bad: Mask, expectation: Expectation, normalized: Normalized) -> Mask:
    """A value that could not be read is NULL, and its own reason says so: it is not missing besides."""
    if expectation.type == row_expectations.NOT_NULL:
        for column, unreadable, _ in normalized.faults:
            if column == expectation.kwargs["column"]:
                bad = bad & ~unreadable
    return bad


def _reasons(found: Sequence[tuple[Mask, str]]) -> dict[int, list[str]]:
    reasons: dict[int, list[str]] = {}
    for bad, reason in found:
        for row in np.flatnonzero(bad).tolist():
            if reason not in reasons.setdefault(row, []):
                reasons[row].append(reason)
    return reasons


def kept(columns: Mapping[str, pa.Array], good: Mask) -> pa.Table:
    """The rows that keep every promise; their dictionaries hold no value of another row."""
    table = pa.table(dict(columns))
    if good.all():
        return table
    rows = table.filter(pa.array(good))
    return pa.table({name: _compact(rows[name]) for name in rows.column_names})


def _compact(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_dictionary(column.type):
        return column
    return column.cast(column.type.value_type).dictionary_encode()
