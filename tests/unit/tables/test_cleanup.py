"""What a run staged and did not publish is taken away, and no table is listed that the run does not write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from oilake.jobs.tables import cleanup
from oilake.jobs.tables.staging import stage_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas


def stage(lake: str, name: str, run_id: str) -> Path:
    table = schemas.table_schema(name)
    partition = {"release": "v3", "subset": "train"} if "subset" in table.partition_by else {"release": "v3"}
    rows = schemas.arrow_schema(table).empty_table()
    return Path(lake, name, stage_rows(Warehouse.at(lake), table, partition, run_id, rows).path)


def test_only_the_tables_of_the_run_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lake, listed = str(tmp_path), list[str]()
    ours, others = (
        [stage(lake, "image_labels", "run1"), stage(lake, "corrections", "run1")],
        stage(lake, "boxes", "run2"),
    )
    opening = cleanup.open_filesystem

    def note(uri: str) -> Any:
        listed.append(uri.rpartition("/")[2])
        return opening(uri)

    monkeypatch.setattr(cleanup, "open_filesystem", note)
    tables = [*schemas.tables_of("reconcile"), "corrections"]
    assert cleanup.discard_staged(Warehouse.at(lake), "run1", tables) == 2
    assert not any(path.exists() for path in ours)
    assert others.exists()
    assert listed == ["image_labels", "corrections"]


def test_the_tables_of_a_job_are_those_that_say_so():
    assert schemas.tables_of("changes") == ("box_changes", "class_history", "image_changes", "label_changes")
    assert {"images", "quarantine", "released"} <= {*schemas.tables_of("ingest", "quarantine release")}
