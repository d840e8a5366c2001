"""`oilake fetch` into a landing area on S3: whole files with their receipts, once, and nothing left here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from oilake.jobs import cli
from tests.support import s3_server
from tests.support.releases import land

LANDING = "s3://lake/landing"


@pytest.fixture
def buckets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a server's buckets, which AWS's variables name."""
    with s3_server.named_buckets(tmp_path, monkeypatch, "lake") as buckets:
        yield buckets


def files_below(folder: Path) -> dict[str, bytes]:
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and ".fetched" not in path.parts]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def fetched(tmp_path: Path, capsys: pytest.CaptureFixture[str], *more: str) -> list[tuple[str, str]]:
    """(file, what became of it) by the job's JSON."""
    capsys.readouterr()
    call = ["fetch", "--release", "v3", "--from", str(tmp_path / "published"), "--landing", LANDING, "--json", *more]
    assert cli.main(call) == 0
    return [(result["file"], result["status"]) for result in json.loads(capsys.readouterr().out)]


def test_a_release_comes_to_s3_whole_and_once(buckets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    published = land(tmp_path / "published")
    first = fetched(tmp_path, capsys)
    assert {status for _, status in first} == {"fetched"}
    assert files_below(buckets / "lake" / "landing") == files_below(published)
    assert not files_below(tmp_path / "cache")
    name = first[0][0]
    next((buckets / "lake" / "landing").rglob(name)).write_bytes(b"cut off")
    assert dict(fetched(tmp_path, capsys)) == {file: "fetched" if file == name else "present" for file, _ in first}
    assert files_below(buckets / "lake" / "landing") == files_below(published)


def test_changes_are_asked_for_in_folders_only(buckets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    call = ["fetch", "--release", "v3", "--from", str(land(tmp_path / "published")), "--landing", LANDING, "--check"]
    assert cli.main(call) == 2
    assert "--check looks at files in a local landing area" in capsys.readouterr().err
