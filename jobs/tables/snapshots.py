"""What is published of each release: the newest snapshot, which names a version of every table."""

from __future__ import annotations

import datetime
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from oilake.conf.errors import ConfigError
from oilake.conf.release_order import release_number
from oilake.jobs.tables import repair_commands
from oilake.jobs.tables.delta_log import latest_rows, newest_rows
from oilake.jobs.tables.warehouse import Warehouse

INGEST = "ingest"
RELEASE = repair_commands.RELEASE
SINCE = " since "


@dataclass(frozen=True)
class Snapshot:
    """The newest publication of a release."""

    release: str
    status: str
    number: int
    run_id: str
    published_at: datetime.datetime
    table_versions: dict[str, int]
    fingerprints: dict[str, str]


def pin_snapshots(warehouse: Warehouse) -> Warehouse:
    """Looks at the snapshots, as a run does once; the warehouse as it is seen from then on."""
    return replace(warehouse, pins=read_snapshots(warehouse))


def pin_for_reading(warehouse: Warehouse) -> Warehouse:
    """As `pin_snapshots`, for a run that only reads: it opens each state of a table once."""
    return pin_snapshots(replace(warehouse, states={}))


def newest_snapshots(warehouse: Warehouse) -> dict[str, Snapshot]:
    """The newest snapshot of every release, by release, as the run saw them where it has looked already."""
    return read_snapshots(warehouse) if warehouse.pins is None else dict(warehouse.pins)


def read_snapshots(warehouse: Warehouse) -> dict[str, Snapshot]:
    """The newest snapshot of every release as they are now, by release; empty where nothing was published yet."""
    return newest_by_release(map(_row_snapshot, latest_rows(warehouse, "snapshots")))


def every_snapshot(warehouse: Warehouse) -> list[Snapshot]:
    """All that was ever published and is still told, in no order."""
    return [_row_snapshot(row) for row in newest_rows(warehouse, "snapshots")]


def _row_snapshot(row: Mapping[str, Any]) -> Snapshot:
    maps = {name: dict(row[name]) for name in ("table_versions", "fingerprints")}
    return Snapshot(**{**row, **maps})


def newest_by_release(snapshots: Iterable[Snapshot]) -> dict[str, Snapshot]:
    """The newest of the snapshots of each release, by release, in the order of their numbers."""
    newest: dict[str, Snapshot] = {}
    for snapshot in snapshots:
        if snapshot.release not in newest or snapshot.number > newest[snapshot.release].number:
            newest[snapshot.release] = snapshot
    return {release: newest[release] for release in sorted(newest, key=release_number)}


def pinned_tables(pins: Iterable[Snapshot]) -> set[str]:
    """The tables of which any of the snapshots names a slice."""
    return {name.partition(SINCE)[0] for pin in pins for name in pin.table_versions}


def ingest_times(snapshots: Iterable[Snapshot]) -> dict[str, datetime.datetime]:
    """When each release was ingested last, by release: jobs that publish it later leave its classes as they are."""
    publications: dict[tuple[str, int | None], datetime.datetime] = {}
    for snapshot in sorted(snapshots, key=lambda snapshot: snapshot.number):
        publications.setdefault((snapshot.release, snapshot.table_versions.get("classes")), snapshot.published_at)
    return {release: published_at for (release, _), published_at in publications.items()}


def numbered_snapshot(warehouse: Warehouse, release: str, number: int) -> Snapshot:
    """The snapshot that one publication ended with, whatever was published since."""
    newest = read_snapshots(warehouse)[release]
    if newest.number == number:
        return newest
    return next(
        snapshot for snapshot in every_snapshot(warehouse) if (snapshot.release, snapshot.number) == (release, number)
    )


def require_snapshot(warehouse: Warehouse, release: str) -> Snapshot:
    """The newest snapshot of `release`; ConfigError when it was never published."""
    by_release = newest_snapshots(warehouse)
    if release not in by_release:
        names = ", ".join(by_release) or "none"
        raise ConfigError(
            f"{warehouse}: release {release!r} is not published here (published: {names}); "
            f"run `oilake ingest --release {shlex.quote(release)}` first"
        )
    return by_release[release]


def require_snapshots(warehouse: Warehouse, release: str | None) -> list[Snapshot]:
    """The newest snapshot of `release`, or of every release; ConfigError when nothing is published."""
    chosen = [require_snapshot(warehouse, release)] if release else list(newest_snapshots(warehouse).values())
    if not chosen:
        raise ConfigError(f"{warehouse}: nothing is published here; run `oilake ingest --release R` first")
    return chosen


def slice_name(name: str, since: str | None) -> str:
    """How a snapshot names a table or job; a comparison also by the earlier release."""
    return f"{name}{SINCE}{since}" if since else name
