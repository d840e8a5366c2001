"""What a reader sees of a warehouse, through the deltalake package alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

Row = dict[str, Any]


def snapshot_rows(warehouse: str) -> list[Row]:
    """Every row of `snapshots`, oldest first; `table_versions` as a dict."""
    found = _read(f"{warehouse}/snapshots", None).to_pylist()
    return [row | {"table_versions": dict(row["table_versions"])} for row in sorted(found, key=lambda r: r["number"])]


def newest(warehouse: str, release: str = "v3") -> Row | None:
    """The row of `snapshots` that readers of `release` pin."""
    return next((row for row in reversed(snapshot_rows(warehouse)) if row["release"] == release), None)


def rows(warehouse: str, table: str, release: str = "v3") -> list[Row]:
    """The rows of `release` at the version that its newest snapshot names."""
    pin = newest(warehouse, release)
    assert pin is not None, f"{release} is not published"
    return rows_at(warehouse, table, pin)


def rows_at(warehouse: str, table: str, pin: Row) -> list[Row]:
    """The rows of one table as the snapshot `pin` has them."""
    version, release = pin["table_versions"][table], pin["release"]
    found: list[Row] = _read(f"{warehouse}/{table}", version, filters=[("release", "=", release)]).to_pylist()
    return found


def now(warehouse: str, table: str) -> list[Row]:
    """The rows of a table that belongs to no snapshot, as they are now."""
    found: list[Row] = _read(f"{warehouse}/{table}", None).to_pylist()
    return found


def _read(path: str, version: int | None, **what: Any) -> pa.Table:
    """Arrow itself opens the files: left to Python, a thread of Arrow's may abort a process that is about to end."""
    return pa.table(
        DeltaTable(path, version=version).to_pyarrow_table(
            filesystem=SubTreeFileSystem(path, LocalFileSystem()), **what
        )
    )


def seen(warehouse: str) -> dict[tuple[str, str], Any]:
    """All that readers see: each release's newest snapshot, and the rows of every table at the version it names."""
    found: dict[tuple[str, str], Any] = {}
    for release in {row["release"] for row in snapshot_rows(warehouse)}:
        pin = newest(warehouse, release)
        assert pin is not None
        found[release, "snapshot"] = pin
        for table in pin["table_versions"]:
            found[release, table] = sorted(map(repr, rows_at(warehouse, table, pin)))
    return found


def files(warehouse: str) -> set[str]:
    """Every Parquet file of the tables, committed or not; but for `job_runs`, to which every run adds one."""
    root, left_out = Path(warehouse), {"_delta_log", "job_runs"}
    return {str(path.relative_to(root)) for path in root.rglob("*.parquet") if not left_out & {*path.parts}}
