"""Where an export goes: through links, beside what a killed one left, never among tables, one process at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from oilake.jobs import cli
from oilake.jobs.runtime.file_lock import hold_lock
from tests.support import export_lake
from tests.unit.exporting.conftest import Export

KILLED = """
import os, signal, sys
from oilake.jobs import cli
from oilake.jobs.exporting import list_format
list_format.address_line = lambda row: os.kill(os.getpid(), signal.SIGKILL)
cli.main(sys.argv[1:])
"""


def test_a_link_stays_one_and_the_export_lies_where_it_leads(export: Export, out: Path) -> None:
    (out.parent / "disk").mkdir()
    out.symlink_to("disk")
    export("list")
    export("list", "--subset", "train")
    assert out.is_symlink()
    assert (out.parent / "disk" / "ids.txt").read_text().count("\n") == 3
    assert sorted(path.name for path in out.parent.iterdir()) == ["disk", "out"]


@pytest.mark.lengthy
def test_what_a_killed_export_left_goes_with_the_next(export: Export, lake: str, out: Path) -> None:
    export("list")
    before = (out / "ids.txt").read_text()
    words = ["export", "list", "--release", export_lake.RELEASE, "--out", str(out), "--warehouse", lake]
    assert subprocess.run([sys.executable, "-c", KILLED, *words], check=False).returncode == -signal.SIGKILL
    assert len(list(out.parent.iterdir())) > 1
    assert (out / "ids.txt").read_text() == before
    export("list", "--subset", "train")
    assert list(out.parent.iterdir()) == [out]


def test_what_a_kill_between_two_renames_moved_aside_comes_back(
    export: Export, refused: Callable[..., str], out: Path
) -> None:
    export("list")
    out.rename(out.parent / ".out.unfinished-x.earlier")
    (out.parent / ".out.unfinished-x").mkdir()
    assert (
        cli.main(["export", "list", "--release", "v7", "--out", str(out), "--warehouse", str(out.parent / "no")]) == 2
    )
    export("list", "--subset", "train")
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize("place", ["x", "images", "images/x", "images/_delta_log/x"])
def test_nothing_is_exported_among_tables(
    lake: str, capsys: pytest.CaptureFixture[str], place: str, tmp_path: Path
) -> None:
    (tmp_path / "way").symlink_to(lake)
    for folder in (f"{lake}/{place}", tmp_path / "way" / place):
        words = ["export", "list", "--release", "v7", "--warehouse", lake, "--out", str(folder)]
        before = sorted(Path(lake).rglob("*"))
        assert cli.main(words) == 2
        assert "which holds tables; name a folder elsewhere by --out" in capsys.readouterr().err
        assert sorted(Path(lake).rglob("*")) == before


def test_nothing_is_exported_into_a_warehouse_on_s3(capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "export",
        "list",
        "--release",
        "v7",
        "--warehouse",
        "s3://bucket/lake",
        "--out",
        "s3://bucket/lake/images/x",
    ]
    assert cli.main(words) == 2
    assert "lies in s3://bucket/lake, which holds tables; name a place elsewhere by --out" in capsys.readouterr().err


def test_the_second_of_two_exports_is_refused(lake: str, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["export", "list", "--release", "v7", "--warehouse", lake, "--out", str(out)]
    with hold_lock(out.with_name(".out.lock")):
        assert cli.main(words) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert f"another run (process {os.getpid()}) is writing there; wait for it, or name another --out" in line
        assert not out.exists()
    assert cli.main(words) == 0


def test_no_name_and_the_folder_of_the_caller_are_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for place, words in (("", "--out is empty"), (".", "is where this is called"), ("..", "is where this is called")):
        assert (
            cli.main(["export", "list", "--release", "v7", "--warehouse", str(tmp_path / "lake"), "--out", place]) == 2
        )
        assert words in capsys.readouterr().err
    assert not [*tmp_path.rglob("*/*")]
