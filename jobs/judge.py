"""Splits valid rows from quarantined ones: the one place where a row is judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.transforms.normalized import Normalized
from quality import rules
from quality.loader import Expectation, load

Mask = npt.NDArray[np.bool_]
CONSTANT = ("release", "subset")


def expectations(table: str) -> tuple[Expectation, ...]:
    """The table's row-level expectations about what stands in a row; the partition's constants come from the registry."""
    return tuple(e for e in load(table).expectations if e.kwargs.get("column") not in CONSTANT)


def judge(normalized: Normalized, promised: Sequence[Expectation]) -> tuple[Mask, dict[int, list[str]]]:
    """(which rows keep every promise, shape (rows,); all reasons of each other row, by row)."""
    table = pa.table(normalized.columns)
    good = np.ones(len(table), np.bool_)
    found = [(bad, reason) for _, bad, reason in normalized.faults]
    for expectation in promised:
        ok = rules.passes(expectation.rule, table)
        if not ok.all():
            found.append((_unexplained(~ok, expectation, normalized), expectation.meta.reason))
    for bad, _ in found:
        good &= ~bad
    return good, _reasons(found)


def _unexplained(bad: Mask, expectation: Expectation, normalized: Normalized) -> Mask:
    """A value that could not be read is NULL, and its own reason says so: it is not missing besides."""
    if expectation.type == rules.NOT_NULL:
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
