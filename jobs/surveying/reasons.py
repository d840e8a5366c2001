"""What a release is warned of: contradictions by kind, quarantined rows by reason, blobs by status."""

from __future__ import annotations

from oilake.jobs.surveying.aggregate import Row, aggregate_rows
from oilake.jobs.surveying.pinned_view import PinnedView


def count_contradictions(view: PinnedView, release: str) -> list[Row]:
    """Contradictions by kind and subset: kind, subset, count."""
    return aggregate_rows(
        view, "contradictions", release, "kind, subset, count(*) AS count", "GROUP BY ALL ORDER BY ALL"
    )


def count_quarantined(view: PinnedView, release: str) -> list[Row]:
    """Quarantined rows by the table that they were meant for and each of their reasons: table, reason, count."""
    selection = 'table_name AS "table", reason, count(*) AS count'
    return aggregate_rows(
        view,
        "quarantine",
        release,
        selection,
        "AS kept, unnest(kept.reasons) AS each(reason) GROUP BY ALL ORDER BY ALL",
    )


def count_blobs(view: PinnedView, release: str) -> list[Row]:
    """Blobs by the place that was looked at and their status: location, status, count."""
    return aggregate_rows(
        view, "blob_checks", release, "location, status, count(*) AS count", "GROUP BY ALL ORDER BY ALL"
    )
