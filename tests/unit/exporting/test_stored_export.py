"""`oilake export … --out s3://bucket/prefix`: the bytes of a folder's export, whole or without a manifest."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.dataset as ds
import pytest
from pyarrow import fs

from oilake.jobs import cli
from oilake.jobs.exporting import stored_export
from oilake.jobs.exporting.export_folder import CARD, CROISSANT, MANIFEST, file_paths
from oilake.jobs.exporting.formats import FORMATS, WITH_PICTURES
from oilake.jobs.exporting.stored_export import UNFINISHED
from tests.support import export_lake, s3_server

pytestmark = pytest.mark.slow
PLACE = "s3://exports/mine/v7"
# Ends the process without a word when the second file is put.
KILLED = """
import os, signal, sys
from oilake.jobs import cli
from oilake.jobs.exporting import stored_export
put, names = stored_export._put_file, []
def put_or_die(folder, uri, name):
    names.append(name)
    if len(names) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    put(folder, uri, name)
stored_export.UPLOADS, stored_export._put_file = 1, put_or_die
cli.main(sys.argv[1:])
"""
REFUSED = {
    "no prefix": ("s3://exports", "is no place for an export; give a folder or s3://bucket/prefix"),
    "another store": ("gs://exports/mine", "is no place for an export"),
    "no bucket": ("s3://nowhere/mine", "there is no such bucket; make it, or correct the URI"),
}

Export = Callable[..., Path]


@pytest.fixture(scope="module")
def buckets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a server's buckets, which AWS's variables name; what is on its way waits in a cache of its own."""
    folder = tmp_path_factory.mktemp("s3")
    with pytest.MonkeyPatch.context() as patch, s3_server.named_buckets(folder, patch, "exports") as buckets:
        yield buckets


@pytest.fixture
def stored(buckets: Path) -> Iterator[Path]:
    """What lies at PLACE, which is empty at first."""
    yield buckets / "exports" / "mine" / "v7"
    shutil.rmtree(buckets / "exports" / "mine", ignore_errors=True)


def words(lake: str, name: str, place: str, *flags: str) -> list[str]:
    return ["export", name, "--release", export_lake.RELEASE, "--out", place, "--warehouse", lake, *flags]


def content(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in file_paths(folder)}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_the_bytes_of_a_folder_and_replaces_an_earlier_export(
    lake: str, stored: Path, tmp_path: Path, landing: Path, blobs: Path, name: str
) -> None:
    flags = ["--landing", str(landing), *(("--blobs", str(blobs)) if name in WITH_PICTURES else ())]
    assert cli.main(words(lake, name, PLACE, *flags)) == 0
    for cut in (("--subset", "train"), ()):
        assert cli.main(words(lake, name, str(tmp_path / "here"), *flags, *cut)) == 0
        assert cli.main(words(lake, name, f"{PLACE}/", *flags, *cut)) == 0
        assert content(stored) == content(tmp_path / "here")


def test_what_is_there_is_read_where_it_is(lake: str, stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words(lake, "huggingface", PLACE, "--json")) == 0
    assert json.loads(capsys.readouterr().out)["place"] == PLACE
    store = fs.S3FileSystem(
        endpoint_override=os.environ["AWS_ENDPOINT_URL"], region="us-east-1", force_virtual_addressing=False
    )
    assert ds.dataset("exports/mine/v7/data", filesystem=store).count_rows() == len(export_lake.images())


def test_a_run_that_is_killed_on_the_way_leaves_no_manifest_and_the_next_one_ends_it(
    lake: str, stored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words(lake, "list", PLACE)) == 0
    killed = subprocess.run([sys.executable, "-c", KILLED, *words(lake, "yolo", PLACE)], check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert MANIFEST not in file_paths(stored)
    assert UNFINISHED in file_paths(stored)
    assert cli.main(words(lake, "yolo", PLACE)) == 0
    assert cli.main(words(lake, "yolo", str(tmp_path / "here"))) == 0
    assert content(stored) == content(tmp_path / "here")


def test_files_of_somebody_else_are_left_alone(lake: str, stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words(lake, "list", PLACE)) == 0
    (stored / "thesis.txt").write_text("mine")
    assert cli.main(words(lake, "list", PLACE)) == 2
    assert f"{PLACE}: holds files that no export wrote" in capsys.readouterr().err
    (stored / UNFINISHED).write_text("ids.txt\n")
    assert cli.main(words(lake, "list", PLACE)) == 2
    assert (stored / "thesis.txt").read_text() == "mine"


def test_what_cannot_be_put_is_one_sentence_and_the_export_before_stays(lake: str, stored: Path) -> None:
    assert cli.main(words(lake, "list", PLACE)) == 0
    before = content(stored)
    call = [sys.executable, "-m", "oilake.jobs.cli", *words(lake, "yolo", PLACE)]
    environment = {**os.environ, "AWS_SECRET_ACCESS_KEY": "wrong"}
    done = subprocess.run(call, env=environment, capture_output=True, text=True, check=False, timeout=120)
    (line,) = done.stderr.splitlines()
    assert (done.returncode, "AWS_SECRET_ACCESS_KEY" in line) == (2, True)
    assert content(stored) == before


def test_a_store_that_fails_on_the_way_is_told_and_the_same_command_ends_it(
    lake: str, stored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("the connection broke")

    with monkeypatch.context() as broken:
        broken.setattr(stored_export, "_put_file", fail)
        assert cli.main(words(lake, "list", PLACE)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{PLACE}: the export cannot be put there (the connection broke); run the same command again" in line
    assert file_paths(stored) == {UNFINISHED}
    assert not list((stored.parents[3] / "cache").rglob("ids.txt"))
    assert cli.main(words(lake, "list", PLACE)) == 0
    assert cli.main(words(lake, "list", str(tmp_path / "here"))) == 0
    assert content(stored) == content(tmp_path / "here")


@pytest.mark.parametrize("name", ["bigquery", "huggingface"])
def test_cards_are_those_of_a_folder_and_go_with_the_export(
    lake: str, stored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    here = tmp_path / "here"
    for place in (PLACE, str(here)):
        assert cli.main(words(lake, name, place)) == 0
        capsys.readouterr()
        assert cli.main(["card", place, "--json"]) == 0
        assert f"{place}/{CROISSANT}" in json.loads(capsys.readouterr().out)
    assert content(stored) == content(here)
    assert cli.main(["card", f"{PLACE}/"]) == 0
    assert content(stored) == content(here)
    assert cli.main(words(lake, "list", PLACE)) == 0
    assert not {CROISSANT, CARD} & file_paths(stored)


def test_what_lies_on_s3_and_is_no_whole_export_gets_no_card(
    lake: str, stored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words(lake, "bigquery", PLACE)) == 0
    (stored / "thesis.txt").write_text("mine")
    refused = {
        PLACE: f"{PLACE}: its files are not those that the export wrote; export again",
        "s3://exports/other": "s3://exports/other/export.json: no such file; name the folder of an export",
        "s3://nowhere/mine": "there is no such bucket; make it, or correct the URI",
        "gs://exports/mine": "FOLDER gs://exports/mine: is no place for an export; give a folder or s3://bucket/prefix",
    }
    for place, sentence in refused.items():
        capsys.readouterr()
        assert cli.main(["card", place]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert sentence in line
    assert CROISSANT not in file_paths(stored)


@pytest.mark.parametrize("name", REFUSED)
def test_other_places_are_refused(lake: str, buckets: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    place, sentence = REFUSED[name]
    assert cli.main(words(lake, "list", place)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert sentence in line
