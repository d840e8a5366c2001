"""A small warehouse, and a call of `oilake export` as a person makes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oilake.jobs import cli
from tests.support import export_lake

Export = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The warehouse of `export_lake`."""
    return export_lake.fill(str(tmp_path_factory.mktemp("export") / "lake"))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where exports go."""
    return tmp_path / "out"


@pytest.fixture
def export(lake: str, out: Path, capsys: pytest.CaptureFixture[str]) -> Export:
    """Exports to `out`; what the command counts."""

    def exported(name: str, *flags: str, place: Path = out) -> dict[str, Any]:
        words = ["export", name, "--release", export_lake.RELEASE, "--out", str(place), "--warehouse", lake, "--json"]
        code = cli.main([*words, *flags])
        printed = capsys.readouterr()
        assert code == 0, printed.err
        counted: dict[str, Any] = json.loads(printed.out)
        return counted

    return exported


@pytest.fixture
def refused(lake: str, out: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """The sentence with which an export to `out` is refused, which leaves nothing behind."""

    def sentence(name: str, *flags: str, warehouse: str = lake) -> str:
        before = sorted(out.parent.iterdir())
        words = ["export", name, "--release", export_lake.RELEASE, "--out", str(out), "--warehouse", warehouse]
        assert cli.main([*words, *flags]) == 2
        assert sorted(out.parent.iterdir()) == before
        (line,) = capsys.readouterr().err.splitlines()
        return line

    return sentence
