"""Counts how rows keep a suite's promises while they pass by: every metric of the audit in one look at each batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oilake.quality import row_expectations, row_hashes, scopes
from oilake.quality.row_hashes import RowHashes
from oilake.quality.suites import Expectation, Suite

EXAMPLES = 20
IS_HIDDEN_TYPE = pa.types.is_binary

RowMask = npt.NDArray[np.bool_]
KeyValues = tuple[Any, ...]


@dataclass
class ExpectationCount:
    """One expectation: rows that it is about, those without a value, those that break it, and the first of these."""

    rows: int = 0
    missing: int = 0
    unexpected: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)

    @property
    def filled(self) -> float:
        """Share of the rows that have a value, from 0 to 1; as Great Expectations has it, 0 where there is no row."""
        return (self.rows - self.missing) / self.rows if self.rows else 0.0

    def add(self, later_count: ExpectationCount) -> None:
        """Takes over what another count found, after its own."""
        self.rows += later_count.rows
        self.missing += later_count.missing
        self.unexpected += later_count.unexpected
        self.examples += later_count.examples[: EXAMPLES - len(self.examples)]


@dataclass
class Metrics:
    """Some rows of one table. `is_rising`: whether each key is above the one before it; `first` and `last`: their ends.

    `hashes`: of each row, batch by batch, by the expectation that asks for rows that repeat.
    """

    rows: int = 0
    counts: dict[str, ExpectationCount] = field(default_factory=dict)
    is_rising: bool = True
    first: KeyValues | None = None
    last: KeyValues | None = None
    hashes: dict[str, list[RowHashes]] = field(default_factory=dict)

    def add(self, later_rows: Metrics) -> None:
        """Takes over the counts of rows that come after; says nothing of the keys of both."""
        self.rows += later_rows.rows
        for name, count in later_rows.counts.items():
            self.counts.setdefault(name, ExpectationCount()).add(count)
        for name, hashes in later_rows.hashes.items():
            self.hashes.setdefault(name, []).extend(hashes)


class MetricsCollector:
    """Judges the rows of one file, batch by batch, by the row-level expectations given.

    `partition`: the values that the rows of the file share and that do not stand in it. `key`: the columns in which the
    rows should rise, besides those of the partition; none where they need not. `kinds`: the types of the partition's
    columns; texts where they are not given.
    """

    def __init__(
        self,
        expectations: Sequence[Expectation],
        partition: Mapping[str, Any],
        key: Sequence[str],
        kinds: Mapping[str, pa.DataType] | None = None,
    ) -> None:
        self.expectations, self.partition, self.kinds = expectations, partition, kinds or {}
        self.repeatable = [e for e in expectations if e.type in scopes.UNIQUE and e.columns != list(key)]
        self.key = [name for name in key if name not in partition]
        self.tally = Metrics(counts={expectation.name: ExpectationCount() for expectation in expectations})
        self.tally.hashes = {expectation.name: [] for expectation in self.repeatable}

    def add(self, rows: pa.Table) -> None:
        """The next rows of the file: a column for each that the expectations and the key name."""
        if not len(rows):
            return
        for name, value in self.partition.items():
            rows = rows.append_column(name, constant_column(value, len(rows), self.kinds.get(name)))
        for expectation in self.expectations:
            self._count_expectation(expectation, rows)
        for expectation in self.repeatable:
            self.tally.hashes[expectation.name].append(row_hashes.hash_rows(rows, expectation.columns))
        if self.key:
            self._track_key_order(rows)
        self.tally.rows += len(rows)

    def _count_expectation(self, expectation: Expectation, rows: pa.Table) -> None:
        rule, count = expectation.rule, self.tally.counts[expectation.name]
        picked = row_expectations.condition_mask(rule, rows)
        count.rows += len(rows) if picked is None else int(picked.sum())
        count.missing += _count_missing(rule, rows, picked)
        if rule.type not in row_expectations.ARGUMENTS:
            return
        ok = row_expectations.passing_rows(rule, rows)
        if ok.all():
            return
        broken_indexes = np.flatnonzero(~ok)
        count.unexpected += len(broken_indexes)
        example_indexes = broken_indexes[: EXAMPLES - len(count.examples)]
        count.examples += _example_rows(rows.take(example_indexes), expectation)

    def _track_key_order(self, rows: pa.Table) -> None:
        columns = [_comparable_array(rows[name]) for name in self.key]
        ends: list[KeyValues] = [tuple(column[n].as_py() for column in columns) for n in (0, len(rows) - 1)]
        rises = self.tally.last is None or self.tally.last < ends[0]
        self.tally.is_rising = self.tally.is_rising and rises and _is_rising(columns)
        self.tally.first, self.tally.last = self.tally.first or ends[0], ends[1]


def constant_column(value: Any, rows: int, kind: pa.DataType | None = None) -> pa.Array:
    """A value that all rows of a file share, as a column of shape (rows,); a text is a dictionary of it, judged once."""
    if not isinstance(value, str):
        return pa.repeat(pa.scalar(value, kind or (pa.string() if value is None else None)), rows)
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int8)), pa.array([value]))


def _count_missing(rule: row_expectations.Rule, rows: pa.Table, picked: RowMask | None) -> int:
    """Rows of those picked in which a column of the rule has no value."""
    columns = [rows[rule.kwargs[key]] for key in ("column", "column_A", "column_B") if key in rule.kwargs]
    if not any(column.null_count for column in columns):
        return 0
    empty = np.zeros(len(rows), np.bool_)
    for column in columns:
        empty |= row_expectations.numpy_mask(pc.is_null(column))
    return int((empty if picked is None else empty & picked).sum())


def _example_rows(rows: pa.Table, expectation: Expectation) -> list[dict[str, Any]]:
    names = [name for name in rows.column_names if not IS_HIDDEN_TYPE(rows.schema.field(name).type)]
    first = [name for name in expectation.columns if name in names]
    examples: list[dict[str, Any]] = rows.select([*first, *(n for n in names if n not in first)]).to_pylist()
    return examples


def _comparable_array(column: pa.ChunkedArray) -> pa.Array:
    """The column as one array whose order is that of its texts; NULL comes first, as an empty text."""
    values = column.combine_chunks()
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    return pc.fill_null(values, "") if pa.types.is_string(values.type) else values


def _is_rising(columns: Sequence[pa.Array]) -> bool:
    """Whether each row's key, compared column by column, is above that of the row before it."""
    undecided = np.ones(len(columns[0]) - 1, np.bool_)
    for column in columns:
        before, after = column.slice(0, len(column) - 1), column.slice(1)
        if pc.any(pc.and_(pc.less(after, before), pa.array(undecided))).as_py():
            return False
        undecided &= row_expectations.numpy_mask(pc.equal(before, after))
        if not undecided.any():
            return True
    return not undecided.any()


def keys_are_unique(tallies: Iterable[Metrics]) -> bool:
    """Whether the files of one partition hold each key once, as their rising rows and their ends show.

    False does not mean that a key repeats: then the rows have to be counted.
    """
    filled_tallies = [tally for tally in tallies if tally.first is not None]
    ordered = sorted(filled_tallies, key=lambda tally: tally.first or ())
    return all(tally.is_rising for tally in filled_tallies) and all(
        (one_before.last or ()) < (one_after.first or ()) for one_before, one_after in pairwise(ordered)
    )


def columns_to_read(suite: Suite, expectations: Sequence[Expectation]) -> list[str]:
    """The columns that have to be read to judge these expectations and to show the rows that break one."""
    named = [name for e in expectations for name in [*row_expectations.columns_of(e.rule), *e.columns]]
    return list(dict.fromkeys([*suite.key(), *named]))
