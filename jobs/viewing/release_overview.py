"""What is published, at a glance: rows of every table by the log, labels of a class, and what changed between releases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from oilake.conf.errors import StoreError
from oilake.conf.registry import SUBSETS
from oilake.jobs.surveying.pinned_view import PinnedView, missing_comparison
from oilake.jobs.surveying.view_slice import ViewSlice
from oilake.jobs.tables.snapshots import SINCE, Snapshot
from oilake.jobs.viewing.selection import CHANGES
from oilake.schemas import loader as schemas


@dataclass(frozen=True)
class ReleaseOverview:
    """`rows`: of each published table, None where its files are gone; `images`: by subset; `earlier`: the releases that it
    was compared with."""

    snapshot: Snapshot
    rows: dict[str, int | None]
    images: dict[str, int]
    earlier: list[str]


class ChangeCount(NamedTuple):
    """Rows of one kind in a comparison."""

    table: str
    kind: str
    rows: int


def read_overview(view: PinnedView, release: str) -> ReleaseOverview:
    """The tables of a release and their rows, from the Delta log alone."""
    snapshot = view.snapshot(release)
    names = [name for name in snapshot.table_versions if SINCE not in name and name in schemas.table_names()]
    rows = {name: _rows_or_none(view, name, release) for name in names}
    images = view.table_slice("images", release) if rows.get("images") is not None else None
    by_subset = images.rows_by("subset") if images else {}
    ordered = {subset: by_subset[subset] for subset in SUBSETS if subset in by_subset}
    return ReleaseOverview(snapshot, rows, ordered, view.earlier_releases(release))


def _rows_or_none(view: PinnedView, table: str, release: str) -> int | None:
    try:
        published = view.table_slice(table, release)
    except StoreError:
        return None
    return published.rows if published else 0


def count_changes(view: PinnedView, release: str, since: str) -> list[ChangeCount]:
    """Rows by kind of every comparison of two releases; ConfigError where they were not compared."""
    if since not in view.earlier_releases(release):
        raise missing_comparison(release, since)
    return view.remember(("changes", release, since), lambda: _read_changes(view, release, since))


def _read_changes(view: PinnedView, release: str, since: str) -> list[ChangeCount]:
    counts = []
    for table, kinds in CHANGES.items():
        rows = _counts_by(view, view.table_slice(table, release, since), "change")
        counts += [ChangeCount(table, kind, rows.get(kind, 0)) for kind in kinds]
    return counts


def contradiction_kinds(view: PinnedView, release: str) -> dict[str, int]:
    """Contradictions by kind, sorted; none where the table is not published."""
    published = view.table_slice("contradictions", release)
    return view.remember(("contradictions by kind", release), lambda: _counts_by(view, published, "kind"))


def count_verdicts(view: PinnedView, release: str, mid: str) -> dict[str, int] | None:
    """Labels of a class by verdict; None where that would mean to read all labels of the release."""
    published = view.table_slice("class_images", release)
    if published is None:
        return None
    chosen = published.keep_holding("mid", [mid])
    return view.remember(("verdicts", release, mid), lambda: _counts_by(view, chosen, "verdict", mid))


def _counts_by(view: PinnedView, published: ViewSlice | None, column: str, mid: str | None = None) -> dict[str, int]:
    """Rows by the value of a column, sorted by it; with `mid` those of the class alone."""
    if published is None or not published.files:
        return {}
    query = view.engine.begin_query()
    of_class = f" AND mid = {query.bind(mid)}" if mid else ""
    rows = query.read_rows(
        f'SELECT "{column}" AS value, count(*) AS rows FROM {query.files_relation(published)} '
        f'WHERE "{column}" IS NOT NULL{of_class} GROUP BY "{column}" ORDER BY "{column}"'
    )
    return {row["value"]: row["rows"] for row in rows}
