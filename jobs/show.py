"""Prints rows of a table as they were published."""

from __future__ import annotations

import argparse
import json
from typing import Any

from oilake.conf.errors import ConfigError
from oilake.conf.showing import visible
from oilake.jobs.blobs.locations import canonical
from oilake.jobs.runtime import entrypoint, options, spark_session
from oilake.jobs.runtime.error_text import SPARK_ERRORS
from oilake.jobs.runtime.printing import aligned, tell
from oilake.jobs.tables import where_conditions
from oilake.jobs.tables.delta_log import open_table, uri
from oilake.jobs.tables.images_with_blobs import with_blobs
from oilake.jobs.tables.snapshots import slices, snapshots
from oilake.jobs.tables.spark_reader import read
from oilake.schemas import loader as schemas

WIDEST = 60
MOST = (1 << 31) - 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("table", help=f"one of {', '.join(schemas.names())}")
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
    known = snapshots(settings.warehouse)
    if schemas.load(arguments.table).slice_by:
        slices(settings.warehouse, arguments.table, arguments.release, known=known)
    elif open_table(settings.warehouse, arguments.table) is None:
        raise ConfigError(
            f"{uri(settings.warehouse, arguments.table)}: there is no such table yet; ingest a release first"
        )
    if not 0 <= arguments.limit <= MOST:
        raise ConfigError(f"--limit must be from 0 to {MOST:,}, not {arguments.limit}")
    if arguments.blobs is not None and arguments.table != "images":
        raise ConfigError("--blobs shows the checks of the table images; leave it out, or show images")
    spark = spark_session.start(settings)
    if arguments.blobs is None:
        frame = read(spark, settings.warehouse, arguments.table, arguments.release, known=known)
    else:
        place = canonical(arguments.blobs) if arguments.blobs else None
        frame = with_blobs(spark, settings.warehouse, arguments.release, place, known)
    if arguments.where is not None:
        frame = where_conditions.where(frame, arguments.where)
    try:
        rows = frame.limit(arguments.limit).collect()
    except SPARK_ERRORS as error:
        raise where_conditions.broken(error, uri(settings.warehouse, arguments.table), arguments.where) from None
    found = [row.asDict() for row in rows]
    tell("\n".join(json.dumps(row, default=_text) for row in found) if arguments.json else _table(frame.columns, found))
    return 0


def _table(columns: list[str], rows: list[dict[str, Any]]) -> str:
    cells = [columns, *([visible(_text(row[column]))[:WIDEST] for column in columns] for row in rows)]
    return "\n".join([*aligned(cells), f"{len(rows):,} rows"])


def _text(value: Any) -> str:
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode(errors="backslashreplace")
    return "NULL" if value is None else str(value)


if __name__ == "__main__":
    raise SystemExit(entrypoint.main("show", __doc__, add_arguments, run))
