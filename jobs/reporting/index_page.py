"""The first page: every table and whether it keeps what it promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from jobs.reporting.html import counted, grid, mark, number, page
from jobs.reporting.table_history import State, Table
from jobs.reporting.table_page import verdict

HEAD = [
    ("table", ""),
    ("state", ""),
    ("rows", "number"),
    ("kept", "number"),
    ("broken", "number"),
    ("warnings", "number"),
    ("to note", "number"),
    ("last looked at (UTC)", ""),
]
COUNTED: tuple[State, ...] = ("kept", "broken", "warned", "noted")


def index_page(place: str, tables: Sequence[Table], pages: Mapping[str, str], own: str | None) -> str:
    """The whole HTML document. `pages`: the address of each table's page, by its name; `own`: of Great Expectations'."""
    rows = [_row(table, pages[table.name]) for table in tables]
    link = (
        f"<p><a href='{escape(own)}'>Great Expectations' own pages</a> show the same checks in its form.</p>"
        if own
        else ""
    )
    return page(
        "What the tables promise",
        "<h1>What the tables promise, and whether they keep it</h1>"
        f"<p class='note'>Tables in <code>{escape(place)}</code></p>"
        f"{_verdict(tables)}{grid('tables', HEAD, rows)}{_meaning()}{link}",
    )


def _verdict(tables: Sequence[Table]) -> str:
    broken = [table.name for table in tables if verdict(table) == "broken"]
    warned = [table.name for table in tables if verdict(table) == "warned"]
    seen = [table for table in tables if verdict(table) != "unknown"]
    kept = sum(table.states["kept"] for table in seen)
    told = f"{counted(kept, 'promise')} kept in {counted(len(seen), 'table')}."
    told += f" Broken: {', '.join(broken)}." if broken else " None that must hold is broken."
    told += f" Warnings: {', '.join(warned)}." if warned else ""
    worst = "broken" if broken else "warned" if warned else "kept" if seen else "unknown"
    return f"<p class='verdict {worst}'>{escape(told)}</p>"


def _row(table: Table, address: str) -> list[str]:
    states, look = table.states, table.last_look
    return [
        f"<a href='{escape(address)}'>{escape(table.name)}</a> <span class='small'>{escape(table.description)}</span>",
        mark(verdict(table)),
        number(table.rows),
        *(f"{states[one]:,}" for one in COUNTED),
        escape(look.checked_at) if look else "never",
    ]


def _meaning() -> str:
    return (
        "<p class='note'>A broken promise is critical: such rows are held back before a table is published, so one that is "
        "broken in a published table means that the table was changed by other means. A warning is recorded and "
        "shown. Each promise counts once a release.</p>"
    )
