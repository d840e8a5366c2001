"""What is published of each release, and at which version of every table."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable

from conf.errors import ConfigError
from jobs.tables.open import rows, rows_of, uri


@dataclass(frozen=True)
class Snapshot:
    """The newest publication of a release."""

    release: str
    status: str
    number: int
    run_id: str
    published_at: datetime.datetime
    table_versions: dict[str, int]
    fingerprint: str


def snapshots(warehouse: str) -> dict[str, Snapshot]:
    """The newest snapshot of every release, by release; empty where nothing was published yet."""
    found: dict[str, Snapshot] = {}
    for row in rows(warehouse, "snapshots"):
        row["table_versions"] = dict(row["table_versions"])
        snapshot = Snapshot(**row)
        if snapshot.release not in found or snapshot.number > found[snapshot.release].number:
            found[snapshot.release] = snapshot
    return dict(sorted(found.items()))


def pinned(warehouse: str, release: str) -> Snapshot:
    """The newest snapshot of `release`; ConfigError when it was never published."""
    found = snapshots(warehouse)
    if release not in found:
        known = ", ".join(found) or "none"
        raise ConfigError(
            f"{warehouse}: release {release!r} is not published here (published: {known}); ingest it first"
        )
    return found[release]


def pins(warehouse: str, release: str | None) -> list[Snapshot]:
    """The newest snapshot of `release`, or of every release; ConfigError when nothing is published."""
    found = [pinned(warehouse, release)] if release else list(snapshots(warehouse).values())
    if not found:
        raise ConfigError(f"{warehouse}: nothing is published here; run `oilake ingest` first")
    return found


def rows_by_partition(warehouse: str, table: str, pin: Snapshot) -> list[tuple[dict[str, str], int]]:
    """(partition, rows) of every file of the release's slice, from the Delta log alone."""
    actions = pa.table(_at(warehouse, table, pin).get_add_actions(flatten=True)).to_pylist()
    found = []
    for action in actions:
        partition = {key.removeprefix("partition."): v for key, v in action.items() if key.startswith("partition.")}
        if partition.get("release") == pin.release:
            found.append((partition, int(action["num_records"])))
    return found


def small_rows(warehouse: str, table: str, pin: Snapshot, columns: list[str]) -> list[dict[str, Any]]:
    """The rows of the release's slice of a small table, some columns of it."""
    return rows_of(warehouse, table, _at(warehouse, table, pin), columns, pin.release)


def _at(warehouse: str, table: str, pin: Snapshot) -> DeltaTable:
    return DeltaTable(uri(warehouse, table), version=pin.table_versions[table])
