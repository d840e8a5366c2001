"""Shows the rows that broke a promise, counts them, and releases those that pass once a rule or a mapping is corrected."""

from __future__ import annotations

import argparse
import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from oilake.conf.errors import ConfigError
from oilake.conf.settings import Settings
from oilake.conf.showing import escape_unprintable
from oilake.jobs.quarantining.reader import QuarantineFilter, Row, count_reasons, read_rows
from oilake.jobs.runtime import options
from oilake.jobs.runtime.printing import aligned_lines, print_text
from oilake.jobs.tables.snapshots import pin_for_reading
from oilake.jobs.tables.warehouse import Warehouse
from oilake.quality.reasons import quarantine_reasons, quarantine_remedies
from oilake.schemas import loader as schemas

LIMITS = {"list": 20, "show": 3}
SHOWN_BYTES = 2000
LISTED_COLUMNS = ("release", "table_name", "file", "member", "line", "reasons")
COUNTED_COLUMNS = ("release", "table_name", "file", "member", "reason", "rows")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, prog=parser.prog)
    helps = {
        "list": "where quarantined rows stand, and their reasons",
        "show": "a few quarantined rows whole: their bytes, what the reasons mean, what could be done",
        "summary": "quarantined rows counted by table, file, member and reason",
        "release": "judge a release's quarantined rows again; those about images that pass go into their tables",
    }
    for name, help_text in helps.items():
        action = actions.add_parser(name, help=help_text, description=help_text)
        is_release = name == "release"
        options.add_release(action, "only this release, such as v3", required=is_release)
        if not is_release:
            _add_filters(action)
        if name in LIMITS:
            action.add_argument(
                "--limit", type=int, default=LIMITS[name], metavar="N", help=f"at most N rows ({LIMITS[name]})"
            )
        options.add_places(action, "warehouse", *(["registry"] if is_release else []))
        action.add_argument("--json", action="store_true", help="print JSON")
        if is_release:
            options.add_metrics(action)


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reason", metavar="REASON", help="rows that have this reason, such as unknown_source")
    parser.add_argument("--table", metavar="T", help="rows that were meant for this table")
    parser.add_argument("--file", metavar="F", help="rows of this published file")
    parser.add_argument("--member", metavar="M", help="rows of this path inside an archive")
    parser.add_argument("--line", type=int, metavar="N", help="the row that starts at this line of its member")


def run(arguments: argparse.Namespace) -> int:
    settings = options.load_settings(arguments)
    if arguments.action == "release":
        return _release_rows(settings, arguments)
    row_filter = _row_filter(arguments)
    warehouse = pin_for_reading(Warehouse.of(settings))
    if arguments.action == "summary":
        records = count_reasons(warehouse, row_filter)
        print_text(
            json.dumps(records)
            if arguments.json
            else "\n".join([*_text_table(COUNTED_COLUMNS, records), _reason_totals(records)])
        )
        return 0
    if arguments.limit < 0:
        raise ConfigError(f"--limit must not be negative, not {arguments.limit}")
    is_whole = arguments.action == "show"
    records, total = read_rows(warehouse, row_filter, arguments.limit, is_whole)
    if arguments.json:
        plain_records = [_row_as_json(row) for row in records] if is_whole else records
        print_text(json.dumps({"rows": plain_records, "total": total}))
        return 0
    lines = [line for row in records for line in _row_lines(row)] if is_whole else _text_table(LISTED_COLUMNS, records)
    print_text("\n".join([*lines, f"{len(records):,} of {total:,} rows"]))
    return 0


def _release_rows(settings: Settings, arguments: argparse.Namespace) -> int:
    from oilake.jobs.quarantining.reprocess import reprocess_release  # with Spark, which reading does without
    from oilake.schemas import release_registry

    outcome = reprocess_release(settings, release_registry.find_release(arguments.release, settings.registry))
    print_text(json.dumps(asdict(outcome)) if arguments.json else outcome.as_text())
    return 0


def _row_filter(arguments: argparse.Namespace) -> QuarantineFilter:
    if arguments.reason is not None and arguments.reason not in quarantine_reasons():
        raise ConfigError(f"--reason {arguments.reason}: no such reason; known: {', '.join(quarantine_reasons())}")
    if arguments.table not in (None, *schemas.table_names()):
        raise ConfigError(f"--table {arguments.table}: no such table; known: {', '.join(schemas.table_names())}")
    if arguments.line is not None and arguments.line < 1:
        raise ConfigError(f"--line counts from 1, so it cannot be {arguments.line}")
    criteria = (arguments.release, arguments.table, arguments.file, arguments.member, arguments.line, arguments.reason)
    return QuarantineFilter(*criteria)


def _text_table(columns: Sequence[str], records: Sequence[Row]) -> list[str]:
    return list(aligned_lines([columns, *([_cell_text(row[column]) for column in columns] for row in records)]))


def _cell_text(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def _reason_totals(records: Sequence[Row]) -> str:
    total: dict[str, int] = {}
    for row in records:
        total[row["reason"]] = total.get(row["reason"], 0) + row["rows"]
    return "in all: " + (", ".join(f"{reason} {count:,}" for reason, count in sorted(total.items())) or "no row")


def _row_lines(row: Row) -> Iterator[str]:
    """One row for a person, whatever its bytes are."""
    yield f"{row['release']}  {row['file']}: {row['member']}, line {row['line']}, meant for {row['table_name']}"
    text = printable_text(row["raw"][:SHOWN_BYTES])
    more = len(row["raw"]) - SHOWN_BYTES
    yield f"    {text}" + (f" … and {more:,} bytes more (--json has all)" if more > 0 else "")
    for reason in row["reasons"]:
        yield f"    {reason}: {quarantine_reasons().get(reason, 'a reason of another version')}"
        if reason in quarantine_remedies():
            yield f"        {quarantine_remedies()[reason]}"
    yield ""


def _row_as_json(row: Row) -> Row:
    """One row as plain data; `raw_base64` holds its bytes exactly."""
    known_reasons = [reason for reason in row["reasons"] if reason in quarantine_reasons()]
    return {
        **{name: row[name] for name in LISTED_COLUMNS},
        "raw": printable_text(row["raw"]),
        "raw_base64": base64.b64encode(row["raw"]).decode(),
        "meaning": {reason: quarantine_reasons()[reason] for reason in known_reasons},
        "remedy": {reason: quarantine_remedies()[reason] for reason in known_reasons},
    }


def printable_text(raw: bytes) -> str:
    """The bytes as text of one line that no terminal obeys: what is not printable, or no UTF-8, stands as an escape."""
    return escape_unprintable(raw.decode(errors="backslashreplace"))


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("quarantine", __doc__, add_arguments, run))
