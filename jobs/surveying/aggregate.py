"""Counts over a published slice: DuckDB reads the files, and only its aggregates come out of it."""

from __future__ import annotations

from typing import Any

from oilake.jobs.surveying.pinned_view import PinnedView

Row = dict[str, Any]


def aggregate_rows(
    view: PinnedView, table: str, release: str, selection: str, ending: str = "", since: str | None = None
) -> list[Row]:
    """The answer to `SELECT selection FROM rows ending` over a table of a release, or of its comparison with an earlier
    one; none where it is not published or has no rows. StoreError where the files cannot be read."""
    published = view.table_slice(table, release, since)
    if published is None or not published.files:
        return []
    query = view.engine.begin_query()
    return query.read_rows(f"SELECT {selection} FROM {query.files_relation(published)} {ending}")


def split_rows(rows: list[Row], column: str, order: tuple[str, ...]) -> dict[str, list[Row]]:
    """The rows by the value of a column, in an order; values that no row has are left out."""
    values = [value for value in order if any(row[column] == value for row in rows)]
    return {value: [row for row in rows if row[column] == value] for value in values}
