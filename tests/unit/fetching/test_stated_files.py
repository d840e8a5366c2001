"""Fetching files of which something is known: what is not the published file is refused, and kept until it is accepted."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from oilake.conf import settings as conf_settings
from oilake.conf.chosen_files import FileChoice
from oilake.conf.errors import InputError
from oilake.conf.registry import KnownChecksum, Release
from oilake.conf.settings import FetchSettings, Settings
from oilake.jobs import cli
from oilake.jobs.fetch import fetch
from oilake.jobs.fetching import results
from oilake.jobs.fetching.locations import FetchRequest
from oilake.jobs.fetching.plan import present_file
from oilake.jobs.fetching.results import FetchResult
from oilake.jobs.runtime import logs
from oilake.schemas import release_registry
from tests.support import http_server
from tests.support.http_server import Server, Stored
from tests.support.registry_files import fetch_item, label_file

NAME, DATA = "v5/a.csv", b"ImageID,Source,LabelName,Confidence\n"
QUICK = FetchSettings(tries=2, backoff_seconds=0.01, timeout_seconds=5)
OTHER_MD5 = "0" * 32


@dataclass
class Lake:
    """A server that has the file NAME, and a landing area."""

    server: Server
    settings: Settings

    def fetch(self, release: Release, **how: Any) -> FetchResult:
        """What became of the first file."""
        return fetch(self.settings, release, FetchRequest(self.server.url, **how))[0]

    def path(self, name: str = NAME) -> Path:
        return Path(self.settings.landing) / name


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    logs.set_up()
    settings = conf_settings.environment_settings("local", {"landing": str(tmp_path / "landing")})
    with http_server.running() as server:
        server.files[f"/{NAME}"] = Stored(DATA)
        yield Lake(server, dataclasses.replace(settings, fetch=QUICK))


def release_of(**declared: Any) -> Release:
    """A release of one file of which this is declared."""
    return dataclasses.replace(release_registry.find_release("v5"), files=(label_file(NAME, **declared),))


def checksum(stated_by: Any, md5: str = OTHER_MD5) -> dict[str, Any]:
    return {"checksums": (KnownChecksum(stated_by, "a list", md5=md5),)}


def test_a_published_path_is_where_the_file_lies(lake: Lake):
    result = lake.fetch(release_of(**checksum("publisher", hashlib.md5(DATA).hexdigest())))
    assert (result.status, lake.path().read_bytes()) == ("fetched", DATA)


def test_a_size_that_differs_is_refused_before_the_first_byte(lake: Lake):
    result = lake.fetch(release_of(size=7, size_stated_by="two_parties"))
    assert (result.status, result.tries) == ("failed", 0)
    assert not lake.server.requests("GET")
    assert results.failure_sentence([result]) == (
        f"not fetched: {NAME} from {lake.server.url}/{NAME}: it is not the published file: 36 bytes where two independent "
        "parties stated 7 bytes; fetch it again (delete it first), or take it as it is with --accept-changed; mend what is "
        "named, then run the same command again, it goes on where it stopped"
    )


def test_a_checksum_that_differs_is_refused_and_accepted_without_fetching_anew(lake: Lake):
    release = release_of(**checksum("two_parties"))
    refused = lake.fetch(release)
    assert refused.status == "failed"
    assert f"where two independent parties stated md5 {OTHER_MD5}, a list; fetch it again" in (refused.error or "")
    assert not lake.path().exists()
    accepted = lake.fetch(release, accept_changed=True)
    assert (accepted.status, lake.path().read_bytes()) == ("resumed", DATA)
    assert len(lake.server.requests("GET")) == 2
    assert lake.fetch(release).status == "failed"
    assert lake.fetch(release, accept_changed=True).status == "present"


def test_what_one_party_stated_warns(lake: Lake, capsys: pytest.CaptureFixture[str]):
    assert lake.fetch(release_of(size=7, size_stated_by="one_party", **checksum("one_party"))).status == "fetched"
    warned = capsys.readouterr().err
    assert f"{NAME}: taken, though it has 36 bytes where one third party stated 7 bytes; md5 " in warned


def test_a_file_put_there_by_hand_is_held_against_its_size(lake: Lake):
    lake.path().parent.mkdir(parents=True)
    lake.path().write_bytes(b"x")
    assert lake.fetch(release_of(size=7, size_stated_by="publisher")).status == "failed"
    assert lake.fetch(release_of(size=1, size_stated_by="publisher")).status == "present"


@pytest.mark.lengthy
@pytest.mark.parametrize("is_folder", [False, True])
def test_a_file_that_nobody_is_known_to_have_may_be_absent(lake: Lake, tmp_path: Path, is_folder: bool):
    (tmp_path / "place" / "v5").mkdir(parents=True)
    base = str(tmp_path / "place") if is_folder else lake.server.url
    absent = dataclasses.replace(release_of(), files=(label_file("v5/b.csv", optional=True), label_file("v5/c.csv")))
    statuses = [result.status for result in fetch(lake.settings, absent, FetchRequest(base))]
    assert statuses == ["absent", "failed"]


def test_tables_and_subsets_choose_the_files(lake: Lake):
    for name in ("v5/test-annotations-bbox.csv", "v5/validation-annotations-bbox.csv"):
        lake.server.files[f"/{name}"] = Stored(DATA)
    choice = FileChoice(("boxes",), ("validation", "test"))
    request = FetchRequest(lake.server.url, choice=choice, accept_changed=True)
    fetched = fetch(lake.settings, release_registry.find_release("v5"), request)
    assert [result.file for result in fetched] == ["v5/validation-annotations-bbox.csv", "v5/test-annotations-bbox.csv"]
    assert {result.status for result in fetched} == {"fetched"}


@pytest.mark.lengthy
def test_a_shared_file_is_fetched_once_for_all_its_releases(lake: Lake):
    hierarchy = "2018_04/bbox_labels_600_hierarchy.json"
    lake.server.files[f"/{hierarchy}"] = Stored(DATA)
    statuses = [
        lake.fetch(release_registry.find_release(release), names=(hierarchy,)).status for release in ("v4", "v5", "v7")
    ]
    assert statuses == ["fetched", "present", "present"]
    assert len(lake.server.requests("GET")) == 1


def test_flags_choose_by_commas_and_by_repetition(lake: Lake, capsys: pytest.CaptureFixture[str]):
    flags = ["fetch", "--release", "v5", "--landing", lake.settings.landing, "--from", lake.server.url]
    assert cli.main([*flags, "--tables", "boxes,lables", "--tables", "images"]) == 2
    assert "--tables: release v5 has no lables; it has images, labels, boxes" in capsys.readouterr().err
    assert cli.main([*flags, "--tables", "boxes", "--file", NAME]) == 2
    assert "--file names files and --tables and --subset choose them" in capsys.readouterr().err


def test_a_folder_where_a_file_belongs_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(InputError, match=r"a\.csv: is no file, where a\.csv belongs; move it away"):
        present_file(fetch_item("a.csv", "https://example.org/a.csv", tmp_path))
