"""What a warehouse holds and how it fares: what is published, what no longer fits, what was found, what ran."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oilake.jobs.operations import job_runs
from oilake.jobs.tables.delta_log import newest_rows, open_table
from oilake.jobs.tables.published_slices import drop_outdated_comparisons
from oilake.jobs.tables.slice_files import small_rows
from oilake.jobs.tables.slice_versions import LostRowsError
from oilake.jobs.tables.snapshots import Snapshot, every_snapshot, ingest_times, newest_by_release, slice_name
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.validation import publish_gate, validation_history
from oilake.jobs.validation.validation_history import ValidationRun
from oilake.schemas import loader as schemas

FILE_COLUMNS = ["file", "bytes", "table_name", "rows_read", "rows_kept", "rows_quarantined"]


@dataclass(frozen=True)
class SourceFile:
    """A published file that a release was read from, and its bytes."""

    file: str
    bytes: int


@dataclass(frozen=True)
class RowCounts:
    """Rows of a release's files that were meant for one table."""

    read: int = 0
    kept: int = 0
    quarantined: int = 0


@dataclass(frozen=True)
class SliceChecks:
    """What the newest gate or check found of one published table (`TABLE since R`: of a comparison). `broken`, `warned`: the
    names of promises; `checked_at`: UTC."""

    table: str
    checked_at: str
    job: str
    kept: int
    broken: list[str]
    warned: list[str]


@dataclass(frozen=True)
class ReleaseStatus:
    """One published release. `ingested_at`: when its files were read last; `published_at`: when its newest snapshot came;
    `tables`: the pinned versions; `withdrawn`: slices that still lie in their tables and are published no more; `outdated`:
    a sentence for each comparison whose earlier release was published anew; `unchecked`: published slices that no gate or
    check has judged."""

    release: str
    status: str
    ingested_at: datetime.datetime
    published_at: datetime.datetime
    run_id: str
    tables: dict[str, int]
    files: list[SourceFile]
    rows: dict[str, RowCounts]
    checks: list[SliceChecks]
    unchecked: list[str]
    withdrawn: list[str]
    outdated: list[str]


@dataclass(frozen=True)
class RunStatus:
    """The newest run of a job for a release; `release`: None of a run that was for none or for all."""

    job: str
    release: str | None
    run_id: str
    ended_at: datetime.datetime
    seconds: float
    rows: int
    bytes: int
    peak_memory_bytes: int | None
    outcome: str
    exit_code: int
    message: str | None


@dataclass(frozen=True)
class WarehouseStatus:
    """All of it; `releases` in the order of their numbers, `runs` the newest first."""

    warehouse: str
    releases: list[ReleaseStatus]
    runs: list[RunStatus]

    @property
    def is_broken(self) -> bool:
        """Whether a critical promise of what is published is broken."""
        return any(checks.broken for release in self.releases for checks in release.checks)


def read_status(warehouse: Warehouse) -> WarehouseStatus:
    """Looks at the newest snapshots and at the records of checks and runs; no file of rows is opened but of small tables.

    StoreError when the warehouse cannot be read.
    """
    snapshots = every_snapshot(warehouse)
    pins, ingested = newest_by_release(snapshots), ingest_times(snapshots)
    held = _held_slices(warehouse)
    judged = _newest_judgements(warehouse)
    releases = [
        _release_status(warehouse, pin, ingested[name], held.get(name, set()), judged) for name, pin in pins.items()
    ]
    return WarehouseStatus(str(warehouse), releases, _newest_runs(warehouse))


def _release_status(
    warehouse: Warehouse,
    pin: Snapshot,
    ingested_at: datetime.datetime,
    held: set[str],
    judged: Mapping[tuple[str, str], ValidationRun],
) -> ReleaseStatus:
    file_rows = _file_rows(warehouse, pin)
    checks, unchecked = [], []
    for name, version in pin.table_versions.items():
        run = judged.get((name, pin.release))
        if run is None or (run.version or 0) < version:
            unchecked.append(name)
        else:
            checks.append(_slice_checks(name, run))
    return ReleaseStatus(
        pin.release,
        pin.status,
        ingested_at,
        pin.published_at,
        pin.run_id,
        pin.table_versions,
        [SourceFile(file, size) for file, size in sorted({row["file"]: row["bytes"] for row in file_rows}.items())],
        _row_counts(file_rows),
        checks,
        unchecked,
        sorted(held - pin.table_versions.keys()),
        drop_outdated_comparisons(warehouse, pin.release)[1],
    )


def _file_rows(warehouse: Warehouse, pin: Snapshot) -> list[dict[str, Any]]:
    """The release's rows of `release_files`; none where they are lost, which maintenance tells."""
    try:
        return small_rows(warehouse, "release_files", pin, FILE_COLUMNS)
    except LostRowsError:
        return []


def _row_counts(file_rows: Sequence[Mapping[str, Any]]) -> dict[str, RowCounts]:
    """The rows by table; of releases that were published before `release_files` named tables under an empty name."""
    counts: dict[str, RowCounts] = {}
    for row in file_rows:
        table = row["table_name"] or ""
        before = counts.get(table, RowCounts())
        added = (row["rows_read"], row["rows_kept"], row["rows_quarantined"])
        counts[table] = RowCounts(before.read + added[0], before.kept + added[1], before.quarantined + added[2])
    return counts


def _held_slices(warehouse: Warehouse) -> dict[str, set[str]]:
    """By release the slices that lie in the newest versions of the tables, published or not."""
    held: dict[str, set[str]] = defaultdict(set)
    for name in schemas.table_names():
        slice_by = schemas.table_schema(name).slice_by
        opened = open_table(warehouse, name) if slice_by else None
        for _, partition in opened.file_actions if opened is not None else ():
            release, *since = (partition[column] for column in slice_by)
            held[release].add(slice_name(name, since[0] if since else None))
    return held


def _newest_judgements(warehouse: Warehouse) -> dict[tuple[str, str], ValidationRun]:
    """The newest gate or check of each slice that was published, by its name in snapshots and its release."""
    by_table: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in newest_rows(warehouse, publish_gate.RESULTS):
        if row["table_version"] is not None:
            by_table[row["table_name"]].append(row)
    newest: dict[tuple[str, str], ValidationRun] = {}
    for table, rows in by_table.items():
        for run in validation_history.runs_from_rows(rows, ()):  # the oldest first
            newest[slice_name(table, run.since), run.release or ""] = run
    return newest


def _slice_checks(name: str, run: ValidationRun) -> SliceChecks:
    failed = [result for result in run.results.values() if not result.success]
    broken = [result.expectation for result in failed if result.is_broken]
    warned = [result.expectation for result in failed if result.severity == "warning"]
    return SliceChecks(name, run.checked_at, run.job, len(run.results) - len(failed), broken, warned)


def _newest_runs(warehouse: Warehouse) -> list[RunStatus]:
    """The newest run of each job for each release, the newest first."""
    newest: dict[tuple[str, str | None], RunStatus] = {}
    for row in sorted(newest_rows(warehouse, job_runs.TABLE), key=lambda row: row["ended_at"]):
        for release in row["releases"] or [None]:
            newest[row["job"], release] = run_status(row, release)
    return sorted(newest.values(), key=lambda run: run.ended_at, reverse=True)


def run_status(row: Mapping[str, Any], release: str | None) -> RunStatus:
    """One row of `job_runs`, as the run of one of its releases."""
    copied = {name: row[name] for name in RunStatus.__dataclass_fields__ if name in row}
    return RunStatus(release=release, **copied)
