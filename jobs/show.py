"""Prints rows of a table as they were published."""

from __future__ import annotations

import argparse
from typing import Any

from oilake.conf import bounded_json
from oilake.conf.errors import ConfigError
from oilake.conf.showing import escape_unprintable
from oilake.jobs.blobs.locations import canonical_location
from oilake.jobs.runtime import entrypoint, options, spark_session
from oilake.jobs.runtime.error_text import SPARK_ERRORS
from oilake.jobs.runtime.printing import aligned_lines, print_text
from oilake.jobs.tables import where_conditions
from oilake.jobs.tables.delta_log import open_table
from oilake.jobs.tables.images_with_blobs import with_blobs
from oilake.jobs.tables.published_slices import published_slices
from oilake.jobs.tables.snapshots import pin_snapshots
from oilake.jobs.tables.spark_reader import read_published
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas

MAX_CELL_WIDTH = 60
MAX_LIMIT = (1 << 31) - 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("table", help=f"one of {', '.join(schemas.table_names())}")
    parser.add_argument("--release", metavar="R", help="only this release")
    parser.add_argument(
        "--blobs",
        nargs="?",
        const="",
        metavar="PLACE",
        help="of images: with the newest check of their blobs, there or anywhere",
    )
    parser.add_argument("--where", metavar="SQL", help="condition in Spark SQL, such as \"mid = '/m/0284d'\"")
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="at most N rows (default: 20)")
    parser.add_argument("--json", action="store_true", help="print one JSON object a row")
    options.add_places(parser, "warehouse")


def run(arguments: argparse.Namespace) -> int:
    settings = options.load_settings(arguments)
    warehouse = pin_snapshots(Warehouse.of(settings))
    if schemas.table_schema(arguments.table).slice_by:
        published_slices(warehouse, arguments.table, arguments.release)
    elif open_table(warehouse, arguments.table) is None:
        raise ConfigError(f"{warehouse.table_uri(arguments.table)}: there is no such table yet; ingest a release first")
    if not 0 <= arguments.limit <= MAX_LIMIT:
        raise ConfigError(f"--limit must be from 0 to {MAX_LIMIT:,}, not {arguments.limit}")
    if arguments.blobs is not None and arguments.table != "images":
        raise ConfigError("--blobs shows the checks of the table images; leave it out, or show images")
    spark = spark_session.start_session(settings)
    if arguments.blobs is None:
        frame = read_published(spark, warehouse, arguments.table, arguments.release)
    else:
        place = canonical_location(arguments.blobs) if arguments.blobs else None
        frame = with_blobs(spark, warehouse, arguments.release, place)
    if arguments.where is not None:
        frame = where_conditions.filter_by_condition(frame, arguments.where)
    try:
        rows = frame.limit(arguments.limit).collect()
    except SPARK_ERRORS as error:
        raise where_conditions.reading_error(error, warehouse.table_uri(arguments.table), arguments.where) from None
    records = [row.asDict() for row in rows]
    print_text(
        "\n".join(bounded_json.strict_json({name: _json_cell(value) for name, value in row.items()}) for row in records)
        if arguments.json
        else _text_table(frame.columns, records)
    )
    return 0


def _text_table(columns: list[str], rows: list[dict[str, Any]]) -> str:
    cells = [
        columns,
        *([escape_unprintable(_cell_text(row[column]))[:MAX_CELL_WIDTH] for column in columns] for row in rows),
    ]
    return "\n".join([*aligned_lines(cells), f"{len(rows):,} rows"])


def _json_cell(value: Any) -> Any:
    """Bytes as the text that they hold; everything else as it is."""
    return _cell_text(value) if isinstance(value, bytes | bytearray) else value


def _cell_text(value: Any) -> str:
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode(errors="backslashreplace")
    return "NULL" if value is None else str(value)


if __name__ == "__main__":
    raise SystemExit(entrypoint.main("show", __doc__, add_arguments, run))
