"""What became of a release's promises when they were last judged, drift from the release before among them."""

from __future__ import annotations

from oilake.jobs.runtime.standard_sql import quote_text
from oilake.jobs.surveying.aggregate import Row, aggregate_rows
from oilake.jobs.surveying.pinned_view import PinnedView
from oilake.jobs.tables.snapshots import slice_name
from oilake.quality.results import READER_TYPE
from oilake.quality.suites import load_suite
from oilake.schemas import loader as schemas

RESULTS = "quality_results"
DRIFT = "drift_"
PROMISE = 'table_name AS "table", since, expectation, severity, success, unexpected_count AS rows, description'


def newest_promises(view: PinnedView, release: str) -> list[Row]:
    """Every promise of the tables as they are declared today, by its newest result of a published version.

    table, since (of a comparison, else NULL), expectation, severity, success, rows (that break it, or differences that
    drift goes beyond; NULL where it is about a number of rows), description, example (JSON of such a row, or NULL).
    """
    judged = aggregate_rows(
        view,
        RESULTS,
        release,
        f"{PROMISE}, examples[1] AS example",
        f"WHERE release = {quote_text(release)} AND table_version IS NOT NULL AND type <> {quote_text(READER_TYPE)} "
        "QUALIFY row_number() OVER (PARTITION BY table_name, since, expectation ORDER BY checked_at DESC, run_id) = 1 "
        "ORDER BY table_name, since, expectation",
    )
    published = view.snapshot(release).table_versions
    declared = {name: _declared_names(name) for name in {row["table"] for row in judged}}
    return [
        row
        for row in judged
        if slice_name(row["table"], row["since"]) in published and row["expectation"] in declared[row["table"]]
    ]


def drift_promises(promises: list[Row]) -> list[Row]:
    """Those that hold the release against the one before it."""
    return [row for row in promises if row["expectation"].startswith(DRIFT)]


def _declared_names(table: str) -> set[str]:
    if table not in schemas.table_names():
        return set()
    return {expectation.name for expectation in load_suite(table).expectations}
