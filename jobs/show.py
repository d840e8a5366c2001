"""Prints rows of a table as they were published."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from oilake.conf import bounded_json
from oilake.conf.errors import ConfigError
from oilake.conf.showing import escape_unprintable
from oilake.jobs.runtime import options
from oilake.jobs.runtime.printing import aligned_lines, print_document, print_text
from oilake.jobs.runtime.progress import log_line
from oilake.jobs.tables.held_parts import parts_text, published_parts
from oilake.jobs.tables.row_query import RowQuery, count_rows, select_rows
from oilake.jobs.tables.snapshots import newest_snapshots, pin_for_reading
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas

MAX_CELL_WIDTH = 60
DEFAULT_LIMIT = 20
MAX_LIMIT = (1 << 31) - 1

Row = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("table", help=f"one of {', '.join(schemas.table_names())}")
    options.add_release(parser, "only this release")
    parser.add_argument(
        "--blobs",
        nargs="?",
        const="",
        metavar="PLACE",
        help="of images: with the newest check of their blobs, there or anywhere",
    )
    parser.add_argument("--columns", metavar="C,…", help="only these columns, in this order (default: all)")
    parser.add_argument(
        "--where",
        metavar="SQL",
        help="condition in SQL as DuckDB writes it, such as \"mid = '/m/0284d' AND confidence > 0.5\"",
    )
    parser.add_argument(
        "--order-by", metavar="C,…", help='in the order of these columns, such as "mid, confidence desc"'
    )
    parser.add_argument(
        "--limit", type=int, default=DEFAULT_LIMIT, metavar="N", help=f"at most N rows (default: {DEFAULT_LIMIT})"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--count", action="store_true", help="print how many rows there are")
    form.add_argument("--json", action="store_true", help="print one JSON object a row")
    form.add_argument(
        "--csv", action="store_true", help="print CSV with a header; NULL is empty, lists and the like are JSON"
    )
    options.add_places(parser, "warehouse")


def run(arguments: argparse.Namespace) -> int:
    settings = options.load_settings(arguments)
    query = _row_query(arguments)
    warehouse = pin_for_reading(Warehouse.of(settings))
    if arguments.count:
        print_text(f"{count_rows(warehouse, query):,}")
    else:
        rows = select_rows(warehouse, query)
        print_rows = _print_json if arguments.json else _print_csv if arguments.csv else _print_table
        print_rows(rows.column_names, _plain_rows(rows))
    _tell_parts(warehouse, query)
    return 0


def _row_query(arguments: argparse.Namespace) -> RowQuery:
    """ConfigError where flags do not go together."""
    schemas.table_schema(arguments.table)
    if not 0 <= arguments.limit <= MAX_LIMIT:
        raise ConfigError(f"--limit must be from 0 to {MAX_LIMIT:,}, not {arguments.limit}")
    if arguments.blobs is not None and arguments.table != "images":
        raise ConfigError("--blobs shows the checks of the table images; leave it out, or show images")
    return RowQuery(
        arguments.table,
        arguments.release,
        _listed_terms(arguments.columns),
        arguments.where,
        _listed_terms(arguments.order_by),
        arguments.limit,
        arguments.blobs is not None,
        _blob_location(arguments.blobs) if arguments.blobs else None,
    )


def _blob_location(place: str) -> str:
    from oilake.jobs.blobs.locations import canonical_location

    return canonical_location(place)


def _listed_terms(text: str | None) -> tuple[str, ...]:
    return tuple(filter(None, (term.strip() for term in (text or "").split(","))))


def _tell_parts(warehouse: Warehouse, query: RowQuery) -> None:
    """Say which of the releases that were asked for are partial, and what they hold."""
    if not schemas.table_schema(query.table).slice_by:
        return
    for release, pin in newest_snapshots(warehouse).items():
        if pin.status == "partial" and query.release in (None, release):
            log_line(f"{release} is partial: it holds {parts_text(published_parts(warehouse, pin))}")


def _plain_rows(rows: pa.Table) -> list[Row]:
    """The rows as plain values: a map as a dict, bytes as the text that they hold."""
    maps = [column.name for column in rows.schema if pa.types.is_map(column.type)]
    records: list[Row] = rows.to_pylist()
    for record in records:
        record.update({name: dict(record[name]) for name in maps if record[name] is not None})
        record.update({name: _bytes_text(value) for name, value in record.items() if isinstance(value, bytes)})
    return records


def _bytes_text(value: bytes) -> str:
    return value.decode(errors="backslashreplace")


def _print_json(_: Sequence[str], rows: Sequence[Row]) -> None:
    print_text("\n".join(map(bounded_json.strict_json, rows)))


def _print_csv(columns: Sequence[str], rows: Sequence[Row]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_csv_cell(row[column]) for column in columns] for row in rows)
    print_document(text.getvalue())


def _csv_cell(value: Any) -> Any:
    return bounded_json.strict_json(value) if isinstance(value, list | dict | bool) else value


def _print_table(columns: Sequence[str], rows: Sequence[Row]) -> None:
    cells = [[escape_unprintable(_cell_text(row[column]))[:MAX_CELL_WIDTH] for column in columns] for row in rows]
    print_text("\n".join([*aligned_lines([columns, *cells]), f"{len(rows):,} rows"]))


def _cell_text(value: Any) -> str:
    return "NULL" if value is None else str(value)


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("show", __doc__, add_arguments, run))
