"""One YAML a table: its columns, types, keys and layout; as Spark SQL for the table and as Arrow types for the kernels."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Literal

import pyarrow as pa

from oilake.conf.errors import ConfigError
from oilake.conf.yaml_loader import load_dataclass
from oilake.schemas.column_types import parse_type

Presence = Literal["required", "optional"]
# What a row has of the member it stands in, and not of its own.
MEMBER_COLUMNS = ("release", "subset")


@dataclass(frozen=True)
class Column:
    """One column: its Spark SQL type, whether it may be NULL, and its meaning with units.

    `file`: whether every published file of the table's rows must give it, or may; None of what is made from other columns.
    """

    name: str
    type: str
    nullable: bool
    description: str
    file: Presence | None = None


@dataclass(frozen=True)
class FileRows:
    """How published files give the rows of a table.

    `place`: where the table stands among the others in summaries and reports; `formats`: those of the registry that its
    files come in; `inputs`: what a file gives from which columns are made, by our name; `kinds`: the values of a partition
    column that each row tells, in the order of summaries (empty where there is none: the table is one kind).
    """

    place: int
    formats: tuple[str, ...]
    inputs: dict[str, Presence] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """One table: `key` is empty where published rows may repeat; files are sorted by `sort_by` inside a partition.

    `written_by`: the job that publishes it; `slice_by`: the partition columns whose values one publication replaces, the
    release first, then the earlier release of a comparison. `published`: of tables that published files are read into.
    `lookup_rows`: rows of a row group where readers look for few rows; Parquet's statistics then tell of all of `sort_by`.
    """

    table: str
    description: str
    grain: str
    written_by: str
    slice_by: tuple[str, ...]
    partition_by: tuple[str, ...]
    sort_by: tuple[str, ...]
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    published: FileRows | None = None
    lookup_rows: int | None = None

    def file_columns(self) -> dict[str, Presence]:
        """What a published file of rows gives, by our name; empty where its files hold no rows of named columns."""
        inputs = self.published.inputs if self.published else {}
        return {column.name: column.file for column in self.columns if column.file} | inputs

    def kind_names(self) -> tuple[str, ...]:
        """What its rows are called in summaries: the values of the partition that each row tells, or the table's name."""
        return (self.published.kinds if self.published else ()) or (self.table,)

    def row_partition(self) -> tuple[str, ...]:
        """The partition columns whose value each row tells: all but those of the member that it stands in."""
        return tuple(name for name in self.partition_by if name not in MEMBER_COLUMNS)

    def grows_by_run(self) -> bool:
        """Whether each run of a job adds a row to it, also one that only brings files together."""
        return self.written_by == "each job"

    def is_keyed_by_image(self) -> bool:
        """Whether a release has one row an image at most."""
        return self.key == ("release", "image_id")

    def compared_columns(self) -> tuple[str, ...]:
        """The columns in which a row of two releases may differ: those that stand in its files, but for the key."""
        return tuple(column.name for column in self.stored() if column.name not in self.key)

    def stored(self) -> tuple[Column, ...]:
        """The columns that stand in the Parquet files: all but the partition's."""
        return tuple(column for column in self.columns if column.name not in self.partition_by)


@cache
def table_names() -> tuple[str, ...]:
    """Every table's name, sorted."""
    file_names = [path.name for path in files("oilake.schemas").iterdir()]
    return tuple(sorted(name[: -len(".yaml")] for name in file_names if name.endswith(".yaml")))


@cache
def table_schema(name: str) -> Table:
    """The schema of the table `name`; ConfigError when there is none or its YAML does not fit."""
    if name not in table_names():
        raise ConfigError(f"unknown table {name!r}; known: {', '.join(table_names())}")
    path = files("oilake.schemas") / f"{name}.yaml"
    table = load_dataclass(Table, path)
    for n, column in enumerate(table.columns):
        parse_type(column.type, f"{path}: columns[{n}].type")
    column_names = {column.name for column in table.columns}
    for key in ("partition_by", "sort_by", "key"):
        for column in getattr(table, key):
            if column not in column_names:
                raise ConfigError(f"{path}: {key} names the unknown column {column!r}")
    if table.published and bool(table.published.kinds) != bool(table.row_partition()):
        raise ConfigError(f"{path}: published.kinds must list the values of a partition column that each row tells")
    return table


def tables_of(*jobs: str) -> tuple[str, ...]:
    """The names of the tables that these jobs publish, sorted."""
    return tuple(name for name in table_names() if table_schema(name).written_by in jobs)


@cache
def published_tables() -> tuple[Table, ...]:
    """The tables that published files are read into, in the order of summaries and reports."""
    placed = [(table.published.place, name, table) for name in table_names() if (table := table_schema(name)).published]
    return tuple(table for _, _, table in sorted(placed, key=lambda entry: entry[:2]))


def row_tables() -> tuple[str, ...]:
    """The names of the tables that are read row by row from files with named columns, in the order of summaries."""
    return tuple(table.table for table in published_tables() if table.file_columns())


def image_tables() -> tuple[str, ...]:
    """The names of the row tables in which a release has one row an image at most."""
    return tuple(name for name in row_tables() if table_schema(name).is_keyed_by_image())


def arrow_type(column: Column) -> pa.DataType:
    """The Arrow type of a column."""
    return parse_type(column.type, column.name)


def arrow_schema(table: Table) -> pa.Schema:
    """The Arrow schema of the table's Parquet files (without the partition's columns)."""
    return pa.schema([pa.field(c.name, arrow_type(c), nullable=c.nullable) for c in table.stored()])
