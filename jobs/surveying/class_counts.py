"""What is published of each class of a release: labels by what they say, and boxes."""

from __future__ import annotations

from oilake.jobs.surveying.aggregate import Row, aggregate_rows
from oilake.jobs.surveying.pinned_view import PinnedView

LABELS = """
subset, mid, count(*) FILTER (origin = 'machine') AS machine,
count(*) FILTER (origin <> 'machine' AND confidence = 1) AS positives,
count(*) FILTER (origin <> 'machine' AND confidence = 0) AS negatives
"""


def count_labels(view: PinnedView, release: str) -> list[Row]:
    """Published labels by subset and class: subset, mid, name, machine, positives, negatives (of humans and crowd)."""
    return _with_names(view, release, aggregate_rows(view, "labels", release, LABELS, "GROUP BY subset, mid"))


def count_boxes(view: PinnedView, release: str) -> list[Row]:
    """Published boxes by subset and class: subset, mid, name, boxes."""
    rows = aggregate_rows(view, "boxes", release, "subset, mid, count(*) AS boxes", "GROUP BY subset, mid")
    return _with_names(view, release, rows)


def class_name(view: PinnedView, release: str, mid: str) -> str:
    """The name of a class in a release, or its MID where the release describes none."""
    row = view.class_rows(release).get(mid)
    return str(row["name"]) if row and row["name"] else mid


def _with_names(view: PinnedView, release: str, rows: list[Row]) -> list[Row]:
    return [{**row, "name": class_name(view, release, row["mid"])} for row in rows]
