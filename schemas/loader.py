"""One YAML a table: its columns, types, keys and layout; as Spark SQL for the table and as Arrow types for the kernels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

import pyarrow as pa

from oilake.conf.errors import ConfigError
from oilake.conf.yaml_loader import build_dataclass, load_yaml

ColumnType = Literal[
    "string",
    "bigint",
    "int",
    "double",
    "boolean",
    "binary",
    "timestamp",
    "array<string>",
    "map<string,bigint>",
    "map<string,string>",
    "array<struct<source:string,confidence:double>>",
]

ARROW_TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "bigint": pa.int64(),
    "int": pa.int32(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "binary": pa.binary(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "array<string>": pa.list_(pa.string()),
    "map<string,bigint>": pa.map_(pa.string(), pa.int64()),
    "map<string,string>": pa.map_(pa.string(), pa.string()),
    "array<struct<source:string,confidence:double>>": pa.list_(
        pa.struct([pa.field("source", pa.string()), pa.field("confidence", pa.float64())])
    ),
}


@dataclass(frozen=True)
class Column:
    """One column: its Spark SQL type, whether it may be NULL, and its meaning with units."""

    name: str
    type: ColumnType
    nullable: bool
    description: str


@dataclass(frozen=True)
class Table:
    """One table: `key` is empty where published rows may repeat; files are sorted by `sort_by` inside a partition.

    `written_by`: the job that publishes it; `slice_by`: the partition columns whose values one publication replaces, the
    release first, then the earlier release of a comparison.
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
    table = build_dataclass(Table, load_yaml(path), str(path))
    column_names = {column.name for column in table.columns}
    for key in ("partition_by", "sort_by", "key"):
        for column in getattr(table, key):
            if column not in column_names:
                raise ConfigError(f"{path}: {key} names the unknown column {column!r}")
    return table


def arrow_schema(table: Table) -> pa.Schema:
    """The Arrow schema of the table's Parquet files (without the partition's columns)."""
    return pa.schema([pa.field(c.name, ARROW_TYPES[c.type], nullable=c.nullable) for c in table.stored()])


def spark_schema(table: Table) -> str:
    """The table's columns as a Spark SQL schema string: `name type [NOT NULL] COMMENT '…'`, comma-separated."""
    return ", ".join(column_sql(column) for column in table.columns)


def column_sql(column: Column) -> str:
    """One column as Spark SQL declares it."""
    null = "" if column.nullable else " NOT NULL"
    return f"`{column.name}` {column.type}{null} COMMENT {quoted_literal(column.description)}"


def quoted_literal(text: str) -> str:
    """`text` as a Spark SQL string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
