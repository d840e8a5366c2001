"""The file of metrics is read by Prometheus' own parser, whole at any time, and tells the newest run and what was found."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from threading import Event, Thread

import pytest
from prometheus_client.parser import text_string_to_metric_families

from oilake.jobs import cli
from oilake.jobs.operations import metrics_file
from oilake.jobs.operations.metrics_file import Sample

pytestmark = pytest.mark.lengthy

Labels = tuple[tuple[str, str], ...]


def read_metrics(path: Path) -> dict[tuple[str, Labels], float]:
    families = list(text_string_to_metric_families(path.read_text()))
    assert all(family.type == "gauge" and family.documentation for family in families)
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def of_run(name: str, job: str, release: str = "") -> tuple[str, Labels]:
    return f"oilake_run_{name}", (("job", job), ("release", release))


def test_a_job_leaves_metrics_of_itself_and_of_the_warehouse(lake: str, tmp_path: Path):
    path = tmp_path / "oilake.prom"
    assert cli.main(["maintain", "--warehouse", lake, "--metrics", str(path)]) == 0
    metrics = read_metrics(path)
    assert metrics[of_run("exit_code", "maintain")] == 0
    assert metrics[of_run("ended_timestamp_seconds", "maintain")] == pytest.approx(path.stat().st_mtime, abs=60)
    assert metrics["oilake_warehouse_readable", ()] == 1
    assert metrics["oilake_quarantined_rows", (("release", "v3"), ("table", "x"))] == 3
    assert metrics["oilake_release_complete", (("release", "v2"),)] == 1
    assert (
        path.stat().st_mode & stat.S_IROTH == 0o666 & ~current_umask() & stat.S_IROTH
    )  # the collector is another user
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["oilake.prom"]


def current_umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask


def test_runs_before_stay_in_the_file_and_newer_ones_take_their_place(lake: str, tmp_path: Path):
    path = tmp_path / "oilake.prom"
    assert cli.main(["check", "images", "--release", "v3", "--warehouse", lake]) == 1
    assert cli.main(["maintain", "--warehouse", lake, "--metrics", str(path)]) == 0
    metrics = read_metrics(path)
    assert (metrics[of_run("exit_code", "check", "v3")], metrics[of_run("exit_code", "maintain")]) == (1, 0)
    broken = (("release", "v3"), ("severity", "critical"), ("table", "images"))
    assert metrics["oilake_broken_expectations", broken] == 6
    assert cli.main(["check", "nosuchtable", "--release", "v3", "--warehouse", lake, "--metrics", str(path)]) == 2
    assert read_metrics(path)[of_run("exit_code", "check", "v3")] == 1  # of a copy, of which no record is kept
    assert cli.main(["check", "images", "--release", "v9", "--warehouse", lake, "--metrics", str(path)]) == 2
    assert read_metrics(path)[of_run("exit_code", "check", "v9")] == 2
    assert cli.main(["status", "--warehouse", lake, "--metrics", str(path)]) == 1
    assert of_run("exit_code", "status") not in read_metrics(path)


def test_a_run_without_a_warehouse_leaves_its_own_metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OILAKE_METRICS", str(tmp_path / "oilake.prom"))
    (tmp_path / "none").mkdir()
    assert cli.main(["maintain", "--warehouse", str(tmp_path / "none")]) == 2
    assert read_metrics(tmp_path / "oilake.prom")[of_run("exit_code", "maintain")] == 2


def test_a_file_that_cannot_be_written_is_a_warning(lake: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "nosuchfolder" / "oilake.prom"
    assert cli.main(["maintain", "--warehouse", lake, "--metrics", str(path)]) == 0
    [warning] = capsys.readouterr().err.splitlines()
    assert f"({path}: cannot be written (No such file or directory); give --metrics a file in a folder)" in warning


def test_values_of_any_kind_are_escaped(tmp_path: Path):
    path = tmp_path / "oilake.prom"
    path.write_text(metrics_file.metrics_text([Sample("oilake_run_rows", {"job": 'a"b\\c\nd', "release": "é"}, 2**53)]))
    assert read_metrics(path) == {("oilake_run_rows", (("job", 'a"b\\c\nd'), ("release", "é"))): 2**53}


def test_a_reader_sees_the_file_whole_at_any_time(tmp_path: Path):
    path, ended = tmp_path / "oilake.prom", Event()
    metrics_file.write_metrics(str(path), None)

    def rewrite() -> None:
        while not ended.is_set():
            metrics_file.write_metrics(str(path), None)

    writer = Thread(target=rewrite)
    writer.start()
    try:
        assert {len(path.read_bytes()) for _ in range(2000)} == {path.stat().st_size}
    finally:
        ended.set()
        writer.join()
