"""Splits valid rows from quarantined ones: the one place where a row is judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oilake.jobs.transforms.normalized_batch import NormalizedBatch
from oilake.quality import row_expectations
from oilake.quality.suites import Expectation, load_suite

Mask = npt.NDArray[np.bool_]
KEY = "key_is_unique"


@dataclass
class RowVerdicts:
    """`good`: which rows keep every promise, shape (rows,); `reasons`: all reasons of each other row, by row; `broken`: rows
    that broke an expectation, by its name."""

    good: Mask
    reasons: dict[int, list[str]]
    broken: Counter[str] = field(default_factory=Counter)


def filter_expectations(table: str) -> list[Expectation]:
    """The table's row-level expectations."""
    return load_suite(table).of("row")


def warm_up() -> None:
    """Loads what judging rows needs: a worker that does so while nothing waits for it begins its first split at once."""
    filter_expectations("labels")


def filter_rows(normalized: NormalizedBatch, promised: Sequence[Expectation]) -> RowVerdicts:
    """Judges what stands in the rows, and what is the same for all of them, such as the subset of their file."""
    table = pa.table(normalized.columns)
    constants = pa.table({name: pa.array([value], pa.string()) for name, value in normalized.constants.items()})
    good = np.ones(len(table), np.bool_)
    broken: dict[str, Mask] = {}
    faults: list[tuple[Mask, str]] = []
    for column, bad, reason in normalized.faults:
        faults.append((bad, reason))
        for name, fault_rows in _attribute_parse_faults(column, bad, reason, promised, table).items():
            broken[name] = broken.get(name, False) | fault_rows
    for expectation in promised:
        is_constant = expectation.kwargs.get("column") in normalized.constants
        ok = row_expectations.passing_rows(expectation.rule, constants if is_constant else table)
        ok = np.repeat(ok, len(table)) if is_constant else ok
        if not ok.all():
            bad = _exclude_unparsed(~ok, expectation, normalized)
            faults.append((bad, expectation.meta.reason or ""))
            broken[expectation.name] = broken.get(expectation.name, False) | bad
    for bad, _ in faults:
        good &= ~bad
    return RowVerdicts(good, _reasons_by_row(faults), +Counter({name: int(bad.sum()) for name, bad in broken.items()}))


def _attribute_parse_faults(
    column: str, bad: Mask, reason: str, promised: Sequence[Expectation], table: pa.Table
) -> dict[str, Mask]:
    """Which rows by the expectation that an unreadable value would have broken: the first about the row that has its reason,
    those of its column before others. A reason that no published value can show counts by its own name."""
    left, rows_by_expectation = bad, dict[str, Mask]()
    of_reason = [expectation for expectation in promised if expectation.meta.reason == reason]
    if not of_reason:
        return {reason: bad}
    for expectation in sorted(of_reason, key=lambda e: e.kwargs.get("column") != column):
        picked = row_expectations.condition_mask(expectation.rule, table)
        explained = left if picked is None else left & picked
        rows_by_expectation[expectation.name] = explained
        left = left & ~explained
    return rows_by_expectation


def _exclude_unparsed(bad: Mask, expectation: Expectation, normalized: NormalizedBatch) -> Mask:
    """A value that could not be read is NULL, and its own reason says so: it is not missing besides."""
    if expectation.type == row_expectations.NOT_NULL:
        for column, unreadable, _ in normalized.faults:
            if column == expectation.kwargs["column"]:
                bad = bad & ~unreadable
    return bad


def _reasons_by_row(faults: Sequence[tuple[Mask, str]]) -> dict[int, list[str]]:
    reasons: dict[int, list[str]] = {}
    for bad, reason in faults:
        for row in np.flatnonzero(bad).tolist():
            if reason not in reasons.setdefault(row, []):
                reasons[row].append(reason)
    return reasons


def kept_rows(columns: Mapping[str, pa.Array], good: Mask) -> pa.Table:
    """The rows that keep every promise; their dictionaries hold no value of another row."""
    table = pa.table(dict(columns))
    if good.all():
        return table
    rows = table.filter(pa.array(good))
    return pa.table({name: _compact_dictionary(rows[name]) for name in rows.column_names})


def _compact_dictionary(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_dictionary(column.type):
        return column
    return column.cast(column.type.value_type).dictionary_encode()
