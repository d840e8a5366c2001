"""A folder that processes share is made once, and each has a copy of its own."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from tests.support.shared_folders import copy_shared


class Base:
    """Stands where a process of a test run keeps its folders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def mktemp(self, name: str) -> Path:
        (self.folder / name).mkdir(parents=True)
        return self.folder / name

    def getbasetemp(self) -> Path:
        return self.folder


def make(folder: Path) -> None:
    (folder / "made").touch()
    with open(folder.parent / "made_by", "a") as makers:
        makers.write(f"{os.getpid()}\n")


def use(folder: Path) -> None:
    os.environ["PYTEST_XDIST_WORKER"] = folder.name
    copy = copy_shared(Base(folder), "lake", make)  # type: ignore[arg-type]
    (copy / folder.name).touch()


def test_processes_share_what_one_makes_and_write_into_copies(tmp_path: Path):
    users = [multiprocessing.get_context("spawn").Process(target=use, args=(tmp_path / f"gw{n}",)) for n in range(2)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert len((tmp_path / "made_by").read_text().split()) == 1
    assert {path.name for path in (tmp_path / "gw0" / "lake").iterdir()} == {"made", "gw0"}
    assert [path.name for path in (tmp_path / "shared-lake").iterdir()] == ["made"]


def test_one_process_makes_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    assert (copy_shared(Base(tmp_path), "lake", make) / "made").exists()  # type: ignore[arg-type]
    assert not (tmp_path.parent / "shared-lake").exists()
