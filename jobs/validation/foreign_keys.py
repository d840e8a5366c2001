"""Shows, while the files of a table are read, that every value it refers to stands in the table it refers to.

A query that looks for rows without a partner costs a join of both tables, and on a sound table finds nothing. The distinct
values of one column show whether it can find anything; only where one of them has no partner is the query asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from oilake.jobs.runtime.filesystem import open_filesystem
from oilake.jobs.tables.targets import CheckTarget, TableFile
from oilake.jobs.transforms import image_ids
from oilake.quality.compiled_queries import orphans_query
from oilake.quality.suites import Expectation

HELD_VALUES = 1 << 20

Numbers = npt.NDArray[np.uint64]
T = TypeVar("T", pa.StringArray, Numbers)


@dataclass(frozen=True)
class Reference:
    """Every value of `column` should be one of `their_column` in `files`; `query`: the expectation that asks for others."""

    query: str
    column: str
    their_column: str
    files: Sequence[TableFile]


def provable_reference(expectation: Expectation, target: CheckTarget, referred: CheckTarget) -> Reference | None:
    """What has to be shown for the query to find nothing in `target`; None where its files cannot show it.

    They can where the query is the one that its foreign key stands for: what another version wrote is left to Spark.
    """
    declared = expectation.meta.references
    if declared is None or len(declared.columns) != 1 or len(declared.their_columns) != 1:
        return None
    nullable = [column.name for column in target.schema if column.nullable]
    if expectation.kwargs["unexpected_rows_query"] != orphans_query(declared, target.table, nullable):
        return None
    (column,), (theirs,) = declared.columns, declared.their_columns
    held = ((target, column), (referred, theirs))
    if not all(_is_text_column(side.schema, name) and name not in side.partition_by for side, name in held):
        return None
    return Reference(expectation.name, column, theirs, referred.files)


def _is_text_column(schema: pa.Schema, column: str) -> bool:
    return column in schema.names and pa.types.is_string(schema.field(column).type)


@dataclass
class ForeignKeyProbe:
    """Looks up the values of one column of a file, whose partition has the values given; HELD distinct ones at a time.

    `is_shown`: whether each one so far was found.
    """

    reference: Reference
    partition: Mapping[str, str | None]
    is_shown: bool = True
    held: list[pa.Array] = field(default_factory=list)

    def add(self, column: pa.ChunkedArray) -> None:
        """The next rows."""
        if self.is_shown and column.null_count:
            self.is_shown = False
        if not self.is_shown:
            return
        self.held += [_distinct_runs(chunk) for chunk in column.chunks]
        if sum(map(len, self.held)) > HELD_VALUES:
            self.look_up()

    def look_up(self) -> None:
        """Looks for the values that are held; where those of the other table cannot be read, nothing is shown."""
        if not self.is_shown or not any(map(len, self.held)):
            return
        values = pa.concat_arrays(self.held)
        self.held = []
        try:
            self.is_shown = _are_all_found(values, self._their_values(pc.min_max(values)))
        except (OSError, ValueError, pa.ArrowException):
            self.is_shown = False

    def _their_values(self, ends: pa.StructScalar) -> Iterator[pa.StringArray]:
        """The values of the other table from the least to the greatest wanted, and some around, a row group at a time.

        Files that share the most with this one's partition come first: partners often stand in the same subset.
        """
        low, high, column = ends["min"].as_py(), ends["max"].as_py(), self.reference.their_column
        own_partition = self.partition.items()
        for file in sorted(self.reference.files, key=lambda file: -len(own_partition & file.partition.items())):
            store, path = open_filesystem(file.uri)
            with store.open_input_file(path) as source:
                parquet = pq.ParquetFile(source)
                if column not in parquet.schema_arrow.names:
                    continue
                for n in range(parquet.num_row_groups):
                    if _may_hold_between(parquet.metadata.row_group(n), column, low, high):
                        read = parquet.read_row_group(n, [column], use_threads=False)[column]
                        yield read.cast(pa.string()).combine_chunks().drop_null()


def _distinct_runs(values: pa.Array) -> pa.Array:
    """The values, each run of equal ones once; of a dictionary all that stand in it."""
    if pa.types.is_dictionary(values.type):
        return values.dictionary
    changes = pc.not_equal(values.slice(1), values.slice(0, max(len(values) - 1, 0)))
    return pa.concat_arrays([values.slice(0, 1), values.slice(1).filter(changes)])


def _may_hold_between(group: pq.RowGroupMetaData, column: str, low: str, high: str) -> bool:
    """Whether the row group may hold a value between the two, as its statistics tell, if it has any."""
    (column_chunk,) = [c for c in map(group.column, range(group.num_columns)) if c.path_in_schema == column]
    if column_chunk.statistics is None or not column_chunk.statistics.has_min_max:
        return True
    return bool(column_chunk.statistics.min <= high and low <= column_chunk.statistics.max)


def _are_all_found(values: pa.StringArray, their_values: Iterator[pa.StringArray]) -> bool:
    """Whether each value is known. Image IDs are many and in order: as numbers they are found sooner than by hashing."""
    if not image_ids.are_canonical(values).all():
        return _none_is_left(
            values, their_values, lambda left, there: left.filter(pc.invert(pc.is_in(left, value_set=there)))
        )
    numbers = (image_ids.as_numbers(there.filter(pa.array(image_ids.are_canonical(there)))) for there in their_values)
    return _none_is_left(image_ids.as_numbers(values), numbers, _without_numbers)


def _none_is_left(left: T, their_values: Iterator[T], without: Callable[[T, T], T]) -> bool:
    for there in their_values:
        left = without(left, there)
        if not len(left):
            return True
    return False


def _without_numbers(left: Numbers, there: Numbers) -> Numbers:
    there.sort(kind="stable")
    places = np.minimum(np.searchsorted(there, left), len(there) - 1)
    return left[there[places] != left] if len(there) else left
