"""Results of checks for V4 of `view_lake`: promises that are kept, broken, mended since, forgotten since, and drift."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from deltalake import write_deltalake

from tests.support.view_lake import MARKUP, Row, plain_rows

PLAIN: Row = {
    "run_id": "0" * 16, "job": "check", "release": "v4", "type": "unexpected_rows_expectation", "columns": [],
    "scope": "release", "severity": "warning", "description": f"as promised {MARKUP}", "suite_version": 1,
    "suite_sha256": "0" * 64, "table_version": 1, "examples": [], "success": True, "unexpected_count": 0,
}  # fmt: skip


def judged(hour: int, table: str, expectation: str, **values: Any) -> Row:
    """One result; with `unexpected_count` the promise is not kept."""
    moment = {"checked_at": datetime(2026, 1, 1, hour, tzinfo=timezone.utc), "run_id": f"{hour:016x}"}
    bad = {"success": False, "examples": ['{"a": 1}', '{"a": 2}']} if values.get("unexpected_count") else {}
    return PLAIN | moment | {"table_name": table, "expectation": expectation} | bad | values


RESULTS = [
    judged(1, "labels", "label_of_unknown_image", unexpected_count=9),
    judged(2, "labels", "label_of_unknown_image"),
    judged(2, "labels", "label_of_unknown_class", unexpected_count=3),
    judged(2, "labels", "release_not_be_null", severity="critical", unexpected_count=2),
    judged(3, "labels", "release_not_be_null", severity="critical", unexpected_count=77, table_version=None),
    judged(2, "labels", "no_such_promise_any_more", unexpected_count=5),
    judged(2, "labels", "not_readable", type="reader"),
    judged(2, "boxes", "drift_of_null_share", unexpected_count=4),
    judged(2, "boxes", "drift_of_boxes_an_image"),
    judged(2, "boxes", "box_without_width", severity="info", unexpected_count=1),
    judged(2, "class_images", "release_not_be_null", unexpected_count=6),
    judged(2, "boxes", "box_without_width", release="v3", unexpected_count=8),
]


def add_results(place: str) -> str:
    """Records what checks said; `place`."""
    write_deltalake(f"{place}/quality_results", plain_rows("quality_results", RESULTS), mode="append")
    return place
