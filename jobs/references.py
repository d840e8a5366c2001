"""Shows, while the files of a table are read, that every value it refers to stands in the table it refers to.

A query that looks for rows without a partner costs a join of both tables, and on a sound table finds nothing. The distinct
values of one column show whether it can find anything; only where one of them has no partner is the query asked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jobs.files import filesystem
from jobs.tables.targets import File, Target
from jobs.transforms import image_ids
from quality import scopes
from quality.loader import Expectation

# Rows of the batch, or its distinct values, that have no partner. Whatever is not just of this form is left to Spark.
FORM = re.compile(
    r"SELECT (?P<shown>((?! FROM | SELECT )[\w.,*() ])+)"
    r" FROM (\{batch\}|\(SELECT (?P<grouped>\w+), count\(\*\) AS \w+ FROM \{batch\} GROUP BY (?P=grouped)\)) (?P<row>\w+)"
    r" WHERE NOT EXISTS \(SELECT 1 FROM (?P<table>\w+) (?P<other>\w+)"
    r" WHERE (?P=other)\.(?P<theirs>\w+) = (?P=row)\.(?P<ours>\w+)\)"
    r"(?P<groups> GROUP BY \w+(\.\w+)?(, \w+(\.\w+)?)*)?"
)
NO_AGGREGATE = re.compile(r"[\w., ]+")  # without GROUP BY an aggregate finds one row where there is none
HELD = 1 << 20
MOST = 1 << 23


@dataclass(frozen=True)
class Reference:
    """Every value of `column` should be one of `their_column` in `files`; `query`: the expectation that asks for others."""

    query: str
    column: str
    their_column: str
    files: Sequence[File]


def names(expectation: Expectation) -> tuple[str, str, str] | None:
    """(column, table, its column) where the query can only find rows whose value in `column` the table lacks."""
    if expectation.type != scopes.QUERY:
        return None
    found = FORM.fullmatch(" ".join(expectation.kwargs["unexpected_rows_query"].split()))
    if found is None or not (found["groups"] or NO_AGGREGATE.fullmatch(found["shown"])):
        return None
    if found["grouped"] not in (None, found["ours"]):
        return None
    return found["ours"], found["table"], found["theirs"]


def reference(expectation: Expectation, target: Target, other: Target) -> Reference | None:
    """What has to be shown for the query to find nothing in `target`; None where its files cannot show it."""
    known = names(expectation)
    if known is None:
        return None
    column, _, theirs = known
    held = ((target, column), (other, theirs))
    if not all(_is_text(one.schema, name) and name not in one.partition_by for one, name in held):
        return None
    return Reference(expectation.name, column, theirs, other.files)


def _is_text(schema: pa.Schema, column: str) -> bool:
    return column in schema.names and pa.types.is_string(schema.field(column).type)


@dataclass
class Follower:
    """Looks up the values of one file's column. `is_shown`: whether each one so far was found.

    Holds HELD distinct values, and at most MOST of the other table's: those between the least and the greatest of them.
    """

    reference: Reference
    is_shown: bool = True
    held: list[pa.Array] = field(default_factory=list)

    def add(self, column: pa.ChunkedArray) -> None:
        """The next rows."""
        if self.is_shown and column.null_count:
            self.is_shown = False
        if not self.is_shown:
            return
        self.held += [_distinct(chunk) for chunk in column.chunks]
        if sum(map(len, self.held)) > HELD:
            self.look_up()

    def look_up(self) -> None:
        """Looks for the values that are held; where those of the other table cannot be read, nothing is shown."""
        if not self.is_shown or not any(map(len, self.held)):
            return
        values = pa.concat_arrays(self.held)
        self.held = []
        try:
            known = _between(self.reference, pc.min_max(values))
        except (OSError, ValueError, pa.ArrowException):
            known = None
        self.is_shown = known is not None and _are_among(values, known)


def _are_among(values: pa.StringArray, known: pa.StringArray) -> bool:
    """Whether each value is known. Image IDs are many and in order: as numbers they are found sooner than by hashing."""
    if not all(image_ids.are_canonical(side) for side in (values, known)):
        return bool(pc.all(pc.is_in(values, value_set=known)).as_py())
    wanted, there = image_ids.as_numbers(values), image_ids.as_numbers(known)
    there.sort(kind="stable")
    places = np.searchsorted(there, wanted)
    return bool(len(there) and places.max() < len(there) and (there[places] == wanted).all())


def _distinct(values: pa.Array) -> pa.Array:
    """The values, each run of equal ones once; of a dictionary all that stand in it."""
    if pa.types.is_dictionary(values.type):
        return values.dictionary
    changes = pc.not_equal(values.slice(1), values.slice(0, max(len(values) - 1, 0)))
    return pa.concat_arrays([values.slice(0, 1), values.slice(1).filter(changes)])


def _between(reference: Reference, ends: pa.StructScalar) -> pa.Array | None:
    """The values of the other table from the least to the greatest wanted, and some around; None where they are too many."""
    low, high = ends["min"].as_py(), ends["max"].as_py()
    found, rows, column = [pa.array([], pa.string())], 0, reference.their_column
    for file in reference.files:
        store, path = filesystem(file.uri)
        with store.open_input_file(path) as source:
            parquet = pq.ParquetFile(source)
            if column not in parquet.schema_arrow.names:
                continue
            groups = [parquet.metadata.row_group(n) for n in range(parquet.num_row_groups)]
            wanted = [n for n, group in enumerate(groups) if _meets(group, column, low, high)]
            rows += sum(groups[n].num_rows for n in wanted)
            if rows > MOST:
                return None
            found += parquet.read_row_groups(wanted, [column], use_threads=False)[column].cast(pa.string()).chunks
    return pa.concat_arrays(found).drop_null()


def _meets(group: pq.RowGroupMetaData, column: str, low: str, high: str) -> bool:
    """Whether the row group may hold a value between the two, as its statistics tell, if it has any."""
    (found,) = [c for c in map(group.column, range(group.num_columns)) if c.path_in_schema == column]
    if found.statistics is None or not found.statistics.has_min_max:
        return True
    return bool(found.statistics.min <= high and low <= found.statistics.max)
