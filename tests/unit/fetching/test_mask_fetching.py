"""Fetching masks: the zips come when they are asked for and not otherwise, each held against its MD5."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import pytest

from oilake.conf import settings as conf_settings
from oilake.conf.chosen_files import FileChoice
from oilake.conf.errors import ConfigError
from oilake.conf.registry import Release, StatedArchive
from oilake.jobs import cli
from oilake.jobs.fetch import fetch
from oilake.jobs.fetching.locations import FetchRequest, items_to_fetch
from oilake.schemas import release_registry

V7 = release_registry.find_release("v7")
FIRST = "v5/validation-masks/validation-masks-0.zip"


def test_a_fetch_leaves_masks_out_unless_they_are_asked_for():
    everything = [item.name for item in items_to_fetch(V7, "/landing", FetchRequest())]
    masks = [item.name for item in items_to_fetch(V7, "/landing", FetchRequest(masks=True))]
    validation = FetchRequest(choice=FileChoice(subsets=("validation",)), masks=True)
    assert not set(everything) & set(masks)
    assert (len(masks), len(items_to_fetch(V7, "/landing", validation))) == (48, 16)
    assert [item.name for item in items_to_fetch(V7, "/landing", FetchRequest(names=(FIRST,)))] == [FIRST]
    with pytest.raises(ConfigError, match=r"no file v5/masks.zip; it has .*, and the zips of its masks"):
        items_to_fetch(V7, "/landing", FetchRequest(names=("v5/masks.zip",)))


def stated_for(release: Release, data: bytes) -> Release:
    """The release, with `data` stated of the first validation zip, by who binds."""
    stated = {"0": StatedArchive(len(data), hashlib.md5(data, usedforsecurity=False).hexdigest())}
    return dataclasses.replace(
        release,
        mask_archives=tuple(
            dataclasses.replace(
                archives, stated=stated if archives.subset == "validation" else {}, stated_by="publisher"
            )
            for archives in release.mask_archives
        ),
    )


@pytest.mark.parametrize(("there", "status"), [(b"masks", "fetched"), (b"other", "failed")])
def test_each_zip_is_held_against_its_md5(tmp_path: Path, there: bytes, status: str):
    settings = conf_settings.environment_settings("local", {"landing": str(tmp_path / "landing")})
    for digit in "0123456789abcdef":
        path = tmp_path / "there" / FIRST.replace("0", digit)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(there)
    request = FetchRequest(str(tmp_path / "there"), choice=FileChoice(subsets=("validation",)), masks=True)
    results = fetch(settings, stated_for(V7, b"masks"), request)
    assert [result.status for result in results] == [status, *["fetched"] * 15]
    assert (Path(settings.landing) / FIRST).exists() == (status == "fetched")


def test_the_list_of_a_releases_files_ends_with_its_masks(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / FIRST).parent.mkdir(parents=True)
    (tmp_path / FIRST).write_bytes(b"1234")
    assert cli.main(["releases", "v7", "--landing", str(tmp_path)]) == 0
    told = capsys.readouterr().out.splitlines()[-3:]
    assert told[0].endswith("v5/train-masks/*.zip: 16 files, 0 landed, 4.47 GB")
    assert told[1].endswith("v5/validation-masks/*.zip: 16 files, 1 landed, 0.05 GB")
    assert cli.main(["releases", "v7", "--subset", "validation", "--landing", str(tmp_path), "--json"]) == 0
    masks = [file for file in json.loads(capsys.readouterr().out) if file["use"] == "masks"]
    assert [len(masks), masks[0]["bytes"], masks[0]["is_landed"], masks[0]["shared_from"]] == [16, 4, True, "v5"]
    assert cli.main(["releases", "v7", "--tables", "masks", "--landing", str(tmp_path), "--json"]) == 0
    assert not [file for file in json.loads(capsys.readouterr().out) if file["use"] == "masks"]
