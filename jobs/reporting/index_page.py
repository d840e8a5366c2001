"""The first page: every table and whether it keeps what it promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from oilake.jobs.reporting.html import GridColumn, render
from oilake.jobs.reporting.table_history import State, TableHistory
from oilake.jobs.reporting.wording import counted

COLUMNS = (
    GridColumn("table"),
    GridColumn("state"),
    GridColumn("rows", "number"),
    GridColumn("kept", "number"),
    GridColumn("broken", "number"),
    GridColumn("warnings", "number"),
    GridColumn("to note", "number"),
    GridColumn("last looked at (UTC)"),
)


class IndexVerdict(NamedTuple):
    """The worst that became of any promise of any table, and what there is to say of all."""

    state: State
    sentence: str


def index_page(place: str, tables: Sequence[TableHistory], addresses: Mapping[str, str], gx_address: str | None) -> str:
    """Return the whole HTML document.

    `addresses`: that of each table's page, by its name; `gx_address`: that of Great Expectations' own pages, if any.
    """
    return render(
        "index_page.html",
        place=place,
        tables=tables,
        addresses=addresses,
        gx_address=gx_address,
        columns=COLUMNS,
        verdict=_overall_verdict(tables),
    )


def _overall_verdict(tables: Sequence[TableHistory]) -> IndexVerdict:
    broken = [table.name for table in tables if table.verdict == "broken"]
    warned = [table.name for table in tables if table.verdict == "warned"]
    judged = [table for table in tables if table.verdict != "unknown"]
    kept = sum(table.states["kept"] for table in judged)
    sentence = f"{counted(kept, 'promise')} kept in {counted(len(judged), 'table')}."
    sentence += f" Broken: {', '.join(broken)}." if broken else " None that must hold is broken."
    sentence += f" Warnings: {', '.join(warned)}." if warned else ""
    return IndexVerdict("broken" if broken else "warned" if warned else "kept" if judged else "unknown", sentence)
