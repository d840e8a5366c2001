"""The status of a warehouse as lines for a person."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence

from oilake.jobs.maintaining.upkeep import Upkeep
from oilake.jobs.operations.warehouse_status import ReleaseStatus, RunStatus, WarehouseStatus
from oilake.jobs.runtime.printing import aligned_lines

SHOWN = 5


def status_text(status: WarehouseStatus, upkeep: Upkeep) -> str:
    """What is published, what no longer fits, the newest runs, and the storage, table by table."""
    lines = [f"warehouse: {status.warehouse}"]
    if not status.releases:
        lines.append("nothing is published; run `oilake ingest --release R` first")
    for release in status.releases:
        lines += _release_lines(release)
    lines += ["", *_run_lines(status.runs), "", *_storage_lines(upkeep)]
    lines += [f"gone: {sentence}" for sentence in upkeep.lost]
    lines += [f"unfinished: the publication that {run} began; the next job finishes it" for run in upkeep.waiting]
    return "\n".join(lines)


def _release_lines(release: ReleaseStatus) -> Iterator[str]:
    size = sum(file.bytes for file in release.files)
    quarantined = sum(counts.quarantined for counts in release.rows.values())
    kept = sum(checks.kept for checks in release.checks)
    files = ", ".join(_shown_names([file.file for file in release.files])) or "none on record"
    yield ""
    yield f"{release.release}: {release.status}, published {_time_text(release.published_at)} by run {release.run_id}"
    yield (
        f"  read {_time_text(release.ingested_at)} from {len(release.files):,} files, {size:,} bytes: "
        f"{files}; {quarantined:,} rows in quarantine"
    )
    yield f"  {len(release.tables):,} tables; {kept:,} promises kept"
    for checks in release.checks:
        for word, names in (("broken", checks.broken), ("warned", checks.warned)):
            if names:
                yield f"  {word}: {checks.table}: {', '.join(_shown_names(names))} ({checks.job}, {checks.checked_at})"
    for what, names in (("not checked since it was published", release.unchecked), ("withdrawn", release.withdrawn)):
        if names:
            yield f"  {what}: {', '.join(names)}"
    yield from (f"  stale: {sentence}" for sentence in release.outdated)


def _run_lines(runs: Sequence[RunStatus]) -> list[str]:
    if not runs:
        return ["no run is on record"]
    header = ("last run of", "release", "ended", "outcome", "seconds", "rows", "bytes", "message")
    cells = [
        (
            run.job, run.release or "", _time_text(run.ended_at), run.outcome, f"{run.seconds:.1f}", f"{run.rows:,}",
            f"{run.bytes:,}", run.message or "",
        )
        for run in runs
    ]  # fmt: skip
    return list(aligned_lines([header, *cells]))


def _storage_lines(upkeep: Upkeep) -> list[str]:
    header = ("table", "files", "bytes", "unused files", "unused bytes")
    cells = [
        (name, f"{use.files:,}", f"{use.bytes:,}", f"{use.idle_files:,}", f"{use.idle_bytes:,}")
        for name, use in upkeep.storage.items()
        if use.files or use.idle_files
    ]
    used, idle = (sum(getattr(use, name) for use in upkeep.storage.values()) for name in ("bytes", "idle_bytes"))
    due = sum(task.is_change for task in upkeep.tasks)
    steps = f"has {due:,} step{'s' if due != 1 else ''} to do" if due else "has nothing to do"
    freed = f" and would free {upkeep.freed_bytes():,} bytes" if upkeep.freed_bytes() else ""
    return [
        *aligned_lines([header, *cells]),
        f"in use {used:,} bytes, unused {idle:,}; `oilake maintain` {steps}{freed}",
    ]


def _shown_names(names: Sequence[str]) -> list[str]:
    return [*names[:SHOWN], *([f"{len(names) - SHOWN:,} more"] if len(names) > SHOWN else [])]


def _time_text(time: datetime.datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
