"""Every run that may write tables leaves a row in `job_runs`, however it ends, and the record never changes how it ends."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from oilake.conf.errors import DataQualityError, InputError
from oilake.jobs import cli
from oilake.jobs.operations import job_runs
from oilake.jobs.runtime import run_ids
from oilake.jobs.tables import ddl
from oilake.jobs.tables.delta_log import newest_rows
from oilake.jobs.tables.warehouse import Warehouse
from tests.support import publications
from tests.support.warehouses import spark_is_not_needed
from tests.support.watched_jobs import call_job

ROOT = Path(__file__).parents[3]


def rows_of(lake: str) -> list[dict[str, Any]]:
    rows = newest_rows(Warehouse.at(lake), job_runs.TABLE)
    return sorted(rows, key=lambda row: row["started_at"])


@pytest.mark.lengthy
def test_a_run_that_publishes_is_a_row_with_what_it_wrote(lake: str):
    assert call_job(lake, lambda: publications.publish_rows(lake, run_ids.new_run_id(), 5) and 0) == 0
    [row] = rows_of(lake)
    assert (row["job"], row["releases"], row["outcome"], row["exit_code"]) == ("ingest", ["v3"], "done", 0)
    assert dict(row["table_rows"]) == dict.fromkeys(publications.MARKS, 5)
    assert row["rows"] == 5 * len(publications.MARKS)
    on_disk = sum(file.stat().st_size for file in Path(lake).rglob(f"*{row['run_id']}*.parquet"))
    records = [
        file for name in ("snapshots", "publications", "job_runs") for file in Path(lake, name).glob("*.parquet")
    ]
    assert row["bytes"] == on_disk - sum(file.stat().st_size for file in records if row["run_id"] in file.name)
    assert row["publications"] == [row["run_id"]]
    assert row["seconds"] == pytest.approx(sum(dict(row["phase_seconds"]).values()))
    assert row["peak_memory_bytes"] is None or row["peak_memory_bytes"] > 10 << 20
    assert row["message"] is None
    assert row["code_version"].startswith("0.1.0+")


@pytest.mark.lengthy
@pytest.mark.parametrize(
    ("error", "code", "outcome"),
    [
        (DataQualityError("boxes: 3 rows break the promise"), 1, "refused"),
        (InputError("images.csv: no such file; fetch it first"), 2, "failed"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_a_run_that_fails_is_a_row_with_its_sentence(
    lake: str, error: BaseException, code: int, outcome: str, capsys: pytest.CaptureFixture[str]
):
    def fail() -> int:
        raise error

    assert call_job(lake, fail) == code
    [row] = rows_of(lake)
    assert (row["outcome"], row["exit_code"]) == (outcome, code)
    assert capsys.readouterr().err == f"oilake: {row['message']}\n"


@pytest.mark.lengthy
def test_a_fault_of_ours_is_recorded_and_raised(lake: str):
    with pytest.raises(ZeroDivisionError):
        call_job(lake, lambda: 1 // 0)
    [row] = rows_of(lake)
    assert (row["outcome"], row["message"][:17]) == ("crashed", "ZeroDivisionError")


@pytest.mark.lengthy
def test_jobs_that_only_read_are_not_recorded(lake: str):
    for words in (["show", "images"], ["releases"], ["maintain", "--dry-run"], ["check", "--history", "images"]):
        cli.main([*words, "--warehouse", lake])
    assert not rows_of(lake)


@pytest.mark.slow
def test_a_check_of_a_copy_is_not_recorded(lake: str):
    assert cli.main(["check", f"{lake}/classes", "--warehouse", lake]) in (0, 1)
    assert not rows_of(lake)


def test_a_job_that_fails_before_there_is_a_warehouse_makes_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.main(["maintain", "--warehouse", str(tmp_path / "none")]) == 2
    assert not (tmp_path / "none").exists()
    assert capsys.readouterr().err.count("\n") == 1


def test_a_warehouse_of_an_older_version_gets_the_table(lake: str):
    shutil.rmtree(f"{lake}/job_runs")
    assert call_job(lake, lambda: 0) == 0
    assert [row["outcome"] for row in rows_of(lake)] == ["done"]


def test_a_record_that_cannot_be_written_is_a_warning(lake: str, capsys: pytest.CaptureFixture[str]):
    shutil.rmtree(f"{lake}/job_runs")
    Path(lake, "job_runs").write_text("in the way")

    def fail() -> int:
        raise InputError("x.csv: no such file; fetch it first")

    assert call_job(lake, lambda: 0) == 0
    [warning] = capsys.readouterr().err.splitlines()
    assert warning.startswith("the run is not in job_runs (")
    assert call_job(lake, fail) == 2
    assert capsys.readouterr().err == "oilake: x.csv: no such file; fetch it first\n"


@pytest.mark.lengthy
def test_maintenance_is_recorded_and_finds_nothing_to_do_afterwards(lake: str, capsys: pytest.CaptureFixture[str]):
    for _ in range(2):
        assert cli.main(["maintain", "--warehouse", lake]) == 0
    assert [row["job"] for row in rows_of(lake)] == ["maintain", "maintain"]
    capsys.readouterr()
    assert cli.main(["maintain", "--warehouse", lake, "--json"]) == 0
    tasks = json.loads(capsys.readouterr().out)["tasks"]
    assert not [task for task in tasks if task["is_change"]]


@pytest.mark.slow
def test_a_check_repeated_finds_what_it_found(lake: str, capsys: pytest.CaptureFixture[str]):
    for recorded in (True, False):
        cli.main(["check", "--warehouse", lake, "--json"])
        assert bool(json.loads(capsys.readouterr().out)["recorded"]) is recorded
    assert [row["job"] for row in rows_of(lake)] == ["check", "check"]


def record_runs(lake: str, runs: int, barrier: Any) -> None:
    for _ in range(runs):
        barrier.wait(60)
        call_job(lake, lambda: 0)


@pytest.mark.slow
def test_runs_that_end_at_once_are_all_recorded(lake: str):
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    processes = [context.Process(target=record_runs, args=(lake, 5, barrier)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert len({row["run_id"] for row in rows_of(lake)}) == 10


@pytest.mark.lengthy
def test_lines_of_json_carry_the_id_of_the_run(lake: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OILAKE_LOG", "json")
    words = [sys.executable, "-m", "oilake.jobs.cli", "maintain", "nosuchtable", "--warehouse", lake]
    failed = subprocess.run(words, capture_output=True, text=True, cwd=ROOT)
    line = json.loads(failed.stderr)
    assert len(line["run_id"]) == 16
    assert line["exit_code"] == 2


@pytest.mark.lengthy
def test_the_table_keeps_its_promises(lake: str):
    call_job(lake, lambda: 0)
    assert cli.main(["check", "job_runs", "--warehouse", lake]) == 0


def test_the_newest_table_has_what_a_new_one_has(tmp_path: Path):
    ddl.ensure_tables(spark_is_not_needed, Warehouse.at(str(tmp_path / "lake")))
    assert DeltaTable(str(tmp_path / "lake" / "job_runs")).version() == 0
