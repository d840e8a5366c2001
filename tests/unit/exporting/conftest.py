"""A small warehouse, and a call of `oilake export` as a person makes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from oilake.jobs import cli
from tests.support import export_lake
from tests.support.export_lake import MASKS
from tests.support.mask_zips import png, write_zip

Export = Callable[..., dict[str, Any]]
Pixels = np.ndarray[Any, np.dtype[np.bool_]]


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


def ellipse(width: int = 200, height: int = 100) -> Pixels:
    """An object with a hole, and a part of its own."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = ((x - 70) / 60) ** 2 + ((y - 50) / 40) ** 2 < 1
    pixels &= (x - 70) ** 2 + (y - 50) ** 2 >= 100
    pixels[20:60, 160:190] = True
    return np.asarray(pixels)


@pytest.fixture(scope="session")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the zips of the masks of `export_lake` landed: one mask is an ellipse, one blank, one is no PNG."""
    folder = tmp_path_factory.mktemp("landing")
    drawn = dict(
        zip((mask["mask_path"] for mask in MASKS), (ellipse(), np.zeros((10, 10), np.bool_), None), strict=True)
    )
    members = [(name, b"no PNG" if pixels is None else png(np.uint8(255) * pixels)) for name, pixels in drawn.items()]
    for subset in ("train", "validation"):
        digit = MASKS[0 if subset == "train" else 2]["image_id"][0]
        write_zip(folder / "v5" / f"{subset}-masks" / f"{subset}-masks-{digit}.zip", members)
    return folder


@pytest.fixture(scope="session")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small JPEG of every image of `export_lake`."""
    folder = tmp_path_factory.mktemp("pictures")
    for n, row in enumerate(export_lake.images()):
        path = folder / row["subset"] / f"{row['image_id']}.jpg"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 6), (n, 0, 0)).save(path)
    return folder
