"""PostgreSQL: text files for COPY, with tables, keys, foreign keys, indexes and comments, loaded as often as one likes."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from oilake.jobs.exporting.opened_export import OpenedExport
from oilake.jobs.runtime.standard_sql import quote_text
from oilake.jobs.tables.row_batches import row_schema
from oilake.jobs.tables.slice_files import small_rows
from oilake.schemas import loader as schemas

TYPES: dict[pa.DataType, str] = {
    pa.string(): "text", pa.float64(): "double precision", pa.int64(): "bigint", pa.int32(): "integer",
    pa.bool_(): "boolean",
}  # fmt: skip
SCHEMA = "open_images"
NULL = r"\N"
# What the text format of COPY writes otherwise, the backslash first; it has no byte 0, and PostgreSQL no text with one.
ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\x00": "\ufffd"}


class KeyedTable(NamedTuple):
    """`key`: the columns of its primary key, none where rows have none; `refers_to`: (columns, table) of its foreign keys;
    `indexes`: the columns of each."""

    key: tuple[str, ...]
    refers_to: tuple[tuple[tuple[str, ...], str], ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()


IMAGE = (("image_id",), "images")
TABLES = {
    "classes": KeyedTable(("mid",), indexes=(("display_name",),)),
    "images": KeyedTable(("image_id",), indexes=(("subset",),)),
    "image_labels": KeyedTable(("image_id", "mid"), (IMAGE,), (("mid", "verdict"),)),
    "boxes": KeyedTable((), (IMAGE,), (("image_id",), ("mid",))),
}


def write_format(export: OpenedExport, folder: Path) -> dict[str, int]:
    """Writes `data/<table>.txt`, `tables.sql` and `load.sql`; a table that the release lacks is empty."""
    columns = {table: table_columns(table) for table in TABLES}
    counts = dict.fromkeys(TABLES, 0)
    (folder / "data").mkdir()
    with ExitStack() as stack:
        streams = {table: stack.enter_context((folder / "data" / f"{table}.txt").open("wb")) for table in TABLES}
        counts["classes"] = _write_rows(streams["classes"], _class_rows(export, columns["classes"]))
        read_columns = {table: names for table, names in columns.items() if table != "classes"}
        for subset in export.subsets:
            named = {
                table: [name for name in names if name not in ("subset", "image_id")]
                for table, names in read_columns.items()
            }
            for block in export.blocks(subset, named):
                for table, rows in block.tables.items():
                    placed = rows.append_column("subset", pa.array([subset] * len(rows), pa.string()))
                    counts[table] += _write_rows(streams[table], placed.select(columns[table]))
    (folder / "tables.sql").write_text(tables_sql(), encoding="utf-8")
    (folder / "load.sql").write_text(load_sql(), encoding="utf-8")
    return counts


def table_columns(table: str) -> list[str]:
    """The columns of a table that are plain values; the release is the same in every row, and left out."""
    return [field.name for field in row_schema(table) if field.type in TYPES and field.name != "release"]


def copy_lines(rows: pa.Table) -> pa.StringArray:
    """The rows as lines of COPY's text format, without line ends; shape (rows,)."""
    cells = [_copy_cells(column.combine_chunks()) for column in rows.columns]
    return pc.binary_join_element_wise(*cells, "\t")


def tables_sql() -> str:
    """The tables with primary keys and comments; what stands already stays."""
    parts = [f"CREATE SCHEMA IF NOT EXISTS {SCHEMA};\n"]
    for table, keyed in TABLES.items():
        described = schemas.table_schema(table)
        kinds = row_schema(table)
        nullable = {column.name: column.nullable for column in described.columns}
        lines = [
            f"    {name} {TYPES[kinds.field(name).type]}{'' if nullable[name] else ' NOT NULL'}"
            for name in table_columns(table)
        ]
        lines += [f"    PRIMARY KEY ({', '.join(keyed.key)})"] * bool(keyed.key)
        parts.append(f"CREATE TABLE IF NOT EXISTS {SCHEMA}.{table} (\n" + ",\n".join(lines) + "\n);\n")
        parts.append(f"COMMENT ON TABLE {SCHEMA}.{table} IS {quote_text(described.description)};\n")
        parts += [
            f"COMMENT ON COLUMN {SCHEMA}.{table}.{column.name} IS {quote_text(column.description)};\n"
            for column in described.columns
            if column.name in table_columns(table)
        ]
    return "".join(parts)


def load_sql() -> str:
    """What psql does in one transaction: empties the tables and fills them; then foreign keys, indexes, statistics."""
    names = ", ".join(f"{SCHEMA}.{table}" for table in TABLES)
    lines = ["\\set ON_ERROR_STOP on", "BEGIN;", "\\i tables.sql"]
    for table, keyed in TABLES.items():
        lines += [
            f"ALTER TABLE {SCHEMA}.{table} DROP CONSTRAINT IF EXISTS {table}_{'_'.join(columns)}_fkey;"
            for columns, _ in keyed.refers_to
        ]
    lines.append(f"TRUNCATE {names};")
    for table in TABLES:
        columns = ", ".join(table_columns(table))
        lines.append(f"\\copy {SCHEMA}.{table} ({columns}) FROM 'data/{table}.txt' WITH (FORMAT text, ENCODING 'UTF8')")
    for table, keyed in TABLES.items():
        lines += [
            f"ALTER TABLE {SCHEMA}.{table} ADD CONSTRAINT {table}_{'_'.join(columns)}_fkey "
            f"FOREIGN KEY ({', '.join(columns)}) REFERENCES {SCHEMA}.{other} ({', '.join(columns)});"
            for columns, other in keyed.refers_to
        ]
        lines += [
            f"CREATE INDEX IF NOT EXISTS {table}_{'_'.join(columns)} ON {SCHEMA}.{table} ({', '.join(columns)});"
            for columns in keyed.indexes
        ]
    return "\n".join([*lines, "COMMIT;", *(f"ANALYZE {SCHEMA}.{table};" for table in TABLES)]) + "\n"


def _class_rows(export: OpenedExport, columns: list[str]) -> pa.Table:
    kinds = row_schema("classes")
    schema = pa.schema([kinds.field(name) for name in columns])
    rows = small_rows(export.warehouse, "classes", export.snapshot, columns) if export.has_table("classes") else []
    return pa.Table.from_pylist(sorted(rows, key=lambda row: str(row["mid"])), schema)


def _write_rows(stream: BinaryIO, rows: pa.Table) -> int:
    if len(rows):
        stream.write("\n".join([*copy_lines(rows).to_pylist(), ""]).encode())
    return len(rows)


def _copy_cells(values: pa.Array) -> pa.StringArray:
    texts = values if values.type == pa.string() else values.cast(pa.string())
    if values.type == pa.string():
        for sign, escape in ESCAPES.items():
            texts = pc.replace_substring(texts, sign, escape)
    return texts.fill_null(NULL)
