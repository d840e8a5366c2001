"""An export whose process was killed goes on behind the shards that were whole, and has the bytes of one that was not."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oilake.jobs import cli
from oilake.jobs.exporting import finished_shards, pictured_shards, tfrecord_format, webdataset_format
from oilake.jobs.exporting.export_folder import file_paths
from tests.support import export_lake
from tests.support.releases import image_id
from tests.unit.exporting.conftest import Export

SMALL = {"webdataset_format.SHARD_BYTES": 1, "tfrecord_format.SHARD_IMAGES": 1, "pictured_shards.SHARD_BYTES": 1}
SMALL |= {"pictured_shards.GROUP_ROWS": 1}
MODULES = {
    "webdataset_format": webdataset_format,
    "tfrecord_format": tfrecord_format,
    "pictured_shards": pictured_shards,
}
# Ends the process without a word where the third shard would be noted.
KILLED = """
import os, signal, sys
from importlib import import_module
from oilake.jobs import cli
from oilake.jobs.exporting import finished_shards
for name, value in {small}.items():
    module, _, constant = name.partition(".")
    setattr(import_module("oilake.jobs.exporting." + module), constant, value)
add = finished_shards.FinishedShards.add
def add_or_die(shards, shard):
    if len(shards.shards) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    add(shards, shard)
finished_shards.FinishedShards.add = add_or_die
cli.main(sys.argv[1:])
""".replace("{small}", repr(SMALL))


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """An image a shard."""
    for name, value in SMALL.items():
        module, _, constant = name.partition(".")
        monkeypatch.setattr(MODULES[module], constant, value)


@pytest.fixture
def pictures(blobs: Path, tmp_path: Path) -> Path:
    """The pictures, to be taken away one by one."""
    return Path(shutil.copytree(blobs, tmp_path / "in" / "pictures"))


def content(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in file_paths(folder)}


def kill_export(lake: str, name: str, out: Path, *flags: str) -> None:
    words = ["export", name, "--release", export_lake.RELEASE, "--out", str(out), "--warehouse", lake, *flags]
    killed = subprocess.run([sys.executable, "-c", KILLED, *words], check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL


@pytest.mark.lengthy
@pytest.mark.parametrize(
    "name",
    [
        "webdataset",
        pytest.param("tfrecord", marks=pytest.mark.slow),
        pytest.param("huggingface", marks=pytest.mark.slow),
    ],
)
@pytest.mark.usefixtures("small_shards")
def test_whole_shards_stay(lake: str, export: Export, pictures: Path, tmp_path: Path, name: str) -> None:
    """The pictures of the two shards that were whole are gone when the export goes on: nobody reads them again."""
    out, flags = tmp_path / "outs" / "out", ("--blobs", str(pictures))
    expected = export(name, *flags, place=tmp_path / "whole" / "out")
    kill_export(lake, name, out, *flags)
    assert not out.exists()
    for n in range(2):
        (pictures / "train" / f"{image_id(n)}.jpg").unlink()
    assert export(name, *flags, place=out) | {"place": ""} == expected | {"place": ""}
    assert content(out) == content(tmp_path / "whole" / "out")
    assert [path.name for path in out.parent.iterdir() if "shards" in path.name] == []


@pytest.mark.slow
@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize("change", ["filters", "a shard that is not whole", "a ledger that is none"])
def test_shards_of_something_else_are_made_anew(
    lake: str, export: Export, pictures: Path, tmp_path: Path, change: str
) -> None:
    out, flags = tmp_path / "outs" / "out", ["--blobs", str(pictures)]
    kill_export(lake, "tfrecord", out, *flags)
    if change == "filters":
        flags += ["--where", "rotation IS NULL OR rotation = 90"]
    else:
        (store,) = (path for path in out.parent.iterdir() if ".shards-" in path.name)
        broken = "train-00000.tfrecord" if change.startswith("a shard") else finished_shards.LEDGER
        (store / broken).write_bytes(b"cut off\n\xff")
    expected = export("tfrecord", *flags, place=tmp_path / "whole" / "out")
    assert export("tfrecord", *flags, place=out) | {"place": ""} == expected | {"place": ""}
    assert content(out) == content(tmp_path / "whole" / "out")


@pytest.mark.lengthy
@pytest.mark.usefixtures("small_shards")
def test_an_error_leaves_whole_shards_and_none_where_there_is_none(
    lake: str,
    export: Export,
    pictures: Path,
    out: Path,
    capsys: pytest.CaptureFixture[str],
    refused: Callable[..., str],
) -> None:
    last = pictures / "train" / f"{image_id(2)}.jpg"
    kept: Any = last.read_bytes()
    last.unlink()
    words = ["export", "webdataset", "--release", export_lake.RELEASE, "--out", str(out), "--warehouse", lake]
    assert cli.main([*words, "--blobs", str(pictures)]) == 2
    assert "download the images first" in capsys.readouterr().err
    (store,) = (path for path in out.parent.iterdir() if ".shards-" in path.name)
    assert len((store / finished_shards.LEDGER).read_text().splitlines()) == 1
    last.write_bytes(kept)
    assert export("webdataset", "--blobs", str(pictures))["shards"] == 4
    assert "download the images first" in refused("tfrecord", "--blobs", str(pictures / "nowhere"))
