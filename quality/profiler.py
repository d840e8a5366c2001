"""What the values of columns are like, seen in one look at each batch, in memory that the number of rows does not change."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from oilake.conf.yaml_loader import build_dataclass, load_yaml
from oilake.quality import row_expectations

LONGEST = 100


@dataclass(frozen=True)
class TextKind:
    """A kind of text: what its values match, what they are in words, and why others of a column of that name are refused.

    `is_weak`: a set of a few repeated texts tells more.
    """

    regex: str
    words: str
    reason: str
    is_weak: bool = False


@cache
def text_kinds() -> dict[str, TextKind]:
    """The known kinds of text, in the order in which they are tried."""
    path = files("oilake.quality") / "kinds.yaml"
    return {name: build_dataclass(TextKind, declared, str(path), name) for name, declared in load_yaml(path).items()}


@dataclass
class ColumnProfile:
    """The values of one column. `low`, `high`: of numbers; None where there is none or one of them is not finite.

    `values`: the distinct texts; None where they are too many or too strange, or no texts. `kinds`: what every text is.
    """

    rows: int = 0
    missing: int = 0
    low: float | None = None
    high: float | None = None
    is_finite: bool = True
    values: set[str] | None = field(default_factory=set)
    kinds: set[str] = field(default_factory=lambda: set(text_kinds()))

    @property
    def present(self) -> int:
        """Rows that have a value."""
        return self.rows - self.missing

    def add(self, other_profile: ColumnProfile, most: int) -> None:
        """Takes over what was seen elsewhere; no more than `most` distinct texts are kept."""
        self.rows += other_profile.rows
        self.missing += other_profile.missing
        self.is_finite &= other_profile.is_finite
        self._extend_range([end for end in (other_profile.low, other_profile.high) if end is not None])
        self._remember_texts(other_profile.values, most)
        self.kinds &= other_profile.kinds

    def look(self, column: pa.ChunkedArray, most: int) -> None:
        """Takes in the next values of the column."""
        self.rows += len(column)
        self.missing += column.null_count
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        if pa.types.is_string(kind):
            self._profile_texts(column, most)
            return
        self.values, self.kinds = None, set()
        if pa.types.is_integer(kind) or pa.types.is_float32(kind) or pa.types.is_float64(kind):
            self._profile_numbers(column)
        else:
            self.is_finite = False

    def _profile_texts(self, column: pa.ChunkedArray, most: int) -> None:
        if self.values is not None:
            self._remember_texts(_distinct_texts(column, most), most)
        table = pa.table({"text": column})
        for name in list(self.kinds):
            if not row_expectations.passing_rows(
                row_expectations.Rule(row_expectations.MATCH, {"column": "text", "regex": text_kinds()[name].regex}),
                table,
            ).all():
                self.kinds.discard(name)

    def _profile_numbers(self, column: pa.ChunkedArray) -> None:
        ends = pc.min_max(column).as_py()
        nan = pa.types.is_floating(column.type) and bool(pc.any(pc.is_nan(column)).as_py())
        range_ends = [end for end in (ends["min"], ends["max"]) if end is not None]
        self.is_finite &= not nan and all(math.isfinite(end) for end in range_ends)
        self._extend_range(range_ends)

    def _extend_range(self, ends: list[float]) -> None:
        known_ends = [end for end in (self.low, self.high) if end is not None] + ends
        self.low, self.high = (min(known_ends), max(known_ends)) if known_ends else (None, None)

    def _remember_texts(self, texts: set[str] | None, most: int) -> None:
        if self.values is None or texts is None or len(self.values | texts) > most:
            self.values = None
        else:
            self.values |= texts


def _distinct_texts(column: pa.ChunkedArray, most: int) -> set[str] | None:
    """The distinct texts of a batch; None where they are too many, too long or too strange to be a set that one reviews."""
    distinct = pc.drop_null(pc.unique(column))
    if len(distinct) > most:
        return None
    texts = set(distinct.to_pylist())
    return None if any(len(text) > LONGEST or not text.isprintable() for text in texts) else texts


class Profiler:
    """Looks at the rows of one file, batch by batch; `partition`: the values that they share and that do not stand in it."""

    def __init__(self, columns: Iterable[str], partition: Mapping[str, Any], most: int) -> None:
        self.partition, self.most = partition, most
        self.seen = {name: ColumnProfile() for name in columns}

    def add(self, rows: pa.Table) -> None:
        """The next rows, with a column for each that is looked at and that the partition does not give."""
        if not len(rows):
            return
        for name, profile in self.seen.items():
            if name in self.partition:
                profile.add(_constant_profile(self.partition[name], len(rows), self.most), self.most)
            else:
                profile.look(rows[name], self.most)


def _constant_profile(value: Any, rows: int, most: int) -> ColumnProfile:
    """Rows that all have one value; of what is no text only whether it is there."""
    if value is None:
        return ColumnProfile(rows, rows)
    if not isinstance(value, str):
        return ColumnProfile(rows, is_finite=False, values=None, kinds=set())
    profile = ColumnProfile()
    profile.look(pa.chunked_array([pa.array([value])]), most)
    profile.rows = rows
    return profile
