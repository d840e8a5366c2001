"""Rows added to a table outside of every release's snapshot: whole commits, whoever else writes."""

from __future__ import annotations

import datetime
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from oilake.conf.errors import StoreError
from oilake.jobs.tables.append_rows import append_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas

TABLE = "downloads"
TYPES = {column.name: schemas.arrow_type(column) for column in schemas.table_schema(TABLE).columns}


def row(image: str, release: str = "v3", **changed: Any) -> dict[str, Any]:
    now = datetime.datetime.now(datetime.timezone.utc)
    plain = dict.fromkeys(TYPES) | {"location": "/blobs", "source": "other", "status": "error"}
    plain |= {"is_resized": False, "seconds": 0.5, "tries": 1, "run_id": "r", "downloaded_at": now, "subset": "train"}
    return {**plain, "image_id": image, "key": f"train/{image}.jpg", "release": release, **changed}


def rows(*found: dict[str, Any]) -> pa.Table:
    return pa.table({name: pa.array([one[name] for one in found], kind) for name, kind in TYPES.items()})


def stored(warehouse: str) -> list[tuple[str, str]]:
    found = pa.table(DeltaTable(f"{warehouse}/{TABLE}").to_pyarrow_table()).to_pylist()
    return sorted((one["release"], one["image_id"]) for one in found)


def test_rows_of_several_partitions_come_in_one_commit_that_says_whose_they_are(warehouse: str):
    append_rows(
        Warehouse.at(warehouse),
        TABLE,
        rows(row("b" * 16), row("a" * 16), row("c" * 16, "v2")),
        "run7",
        {"location": "/blobs"},
    )
    assert stored(warehouse) == [("v2", "c" * 16), ("v3", "a" * 16), ("v3", "b" * 16)]
    newest = DeltaTable(f"{warehouse}/{TABLE}").history(1)[0]
    assert (newest["oilake.run_id"], newest["oilake.location"]) == ("run7", "/blobs")
    assert DeltaTable(f"{warehouse}/{TABLE}").version() == 1


def test_files_are_sorted_as_the_table_wants(warehouse: str):
    append_rows(Warehouse.at(warehouse), TABLE, rows(*(row(f"{n:016x}") for n in (5, 3, 9))), "run", {})
    (path,) = Path(warehouse, TABLE).rglob("*.parquet")
    assert pq.read_table(path, partitioning=None)["image_id"].to_pylist() == [f"{n:016x}" for n in (3, 5, 9)]


def test_no_row_is_no_commit(warehouse: str):
    append_rows(Warehouse.at(warehouse), TABLE, rows(), "run", {})
    assert DeltaTable(f"{warehouse}/{TABLE}").version() == 0


def test_runs_that_write_at_once_lose_no_row(warehouse: str):
    with ThreadPoolExecutor(4) as pool:
        list(
            pool.map(
                lambda n: append_rows(Warehouse.at(warehouse), TABLE, rows(row(f"{n:016x}")), f"run{n}", {}), range(24)
            )
        )
    assert stored(warehouse) == [("v3", f"{n:016x}") for n in range(24)]


def test_a_table_that_is_gone_is_told_and_nothing_is_left(tmp_path: Path):
    with pytest.raises(StoreError, match="the table is gone"):
        append_rows(Warehouse.at(tmp_path), TABLE, rows(row("a" * 16)), "run", {})
    assert not list(tmp_path.rglob("*.parquet"))
