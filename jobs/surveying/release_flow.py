"""How the releases follow each other: what each holds, by the log alone, and what became of the one before."""

from __future__ import annotations

from oilake.conf.registry import SUBSETS
from oilake.jobs.surveying.aggregate import Row, aggregate_rows
from oilake.jobs.surveying.pinned_view import PinnedView
from oilake.jobs.tables.snapshots import SINCE
from oilake.schemas import loader as schemas

COMPARISONS = {"images": "image_changes", "labels": "label_changes", "boxes": "box_changes", "classes": "class_history"}
PARTS = (("images", "subset"), ("labels", "origin"), ("boxes", "subset"))


def count_rows(view: PinnedView, release: str) -> list[Row]:
    """Rows of each published table of a release: table, rows."""
    names = [
        name for name in view.snapshot(release).table_versions if SINCE not in name and name in schemas.table_names()
    ]
    slices = ((name, view.table_slice(name, release)) for name in sorted(names))
    return [{"table": name, "rows": published.rows} for name, published in slices if published]


def count_parts(view: PinnedView) -> list[Row]:
    """Rows of every release by what they are: release, table (images, labels, boxes), part (subset or origin), rows."""
    rows = []
    for release in view.releases:
        for table, column in PARTS:
            published = view.table_slice(table, release)
            counts = sorted(published.rows_by(column).items(), key=_part_order) if published else []
            rows += [{"release": release, "table": table, "part": part, "rows": n} for part, n in counts]
    return rows


def _part_order(part: tuple[str, int]) -> tuple[int, str]:
    """Subsets in their order, what else by its name."""
    return (SUBSETS.index(part[0]) if part[0] in SUBSETS else len(SUBSETS), part[0])


def count_changes(view: PinnedView) -> list[Row]:
    """What became of rows from each release to a later one: earlier, later, table, change, rows."""
    rows = []
    for later in view.releases:
        for earlier in view.earlier_releases(later):
            for table, comparison in COMPARISONS.items():
                for row in aggregate_rows(
                    view, comparison, later, "change, count(*) AS rows", "GROUP BY change ORDER BY change", earlier
                ):
                    rows.append({"earlier": earlier, "later": later, "table": table, **row})
    return rows
