"""Landed files are hashed once, and again as soon as they could have changed."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from oilake.jobs.fetching import receipts
from oilake.jobs.ingesting import checksum_memory
from oilake.jobs.runtime.fetch_receipt import Receipt
from oilake.jobs.runtime.filesystem import Checksums, file_checksums

LONG_AGO = time.time() - 3600


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are read for their checksums, in order."""
    read: list[str] = []

    def hash_file(uri: str) -> Checksums:
        read.append(Path(uri).name)
        return file_checksums(uri)

    monkeypatch.setattr(checksum_memory, "file_checksums", hash_file)
    return read


def write_file(path: Path, data: bytes, written: float = LONG_AGO) -> str:
    path.write_bytes(data)
    os.utime(path, (written, written))
    return str(path)


def sha256(uri: str) -> str:
    return checksum_memory.landed_checksums(uri).sha256


def test_a_file_of_several_releases_is_hashed_once(tmp_path: Path, hashed: list[str]):
    uri = write_file(tmp_path / "a.csv", b"rows")
    assert {sha256(uri) for _ in range(3)} == {hashlib.sha256(b"rows").hexdigest()}
    assert hashed == ["a.csv"]


def test_a_file_that_changed_or_was_just_written_is_hashed_again(tmp_path: Path, hashed: list[str]):
    uri = write_file(tmp_path / "a.csv", b"rows")
    sha256(uri)
    write_file(tmp_path / "a.csv", b"ROWS", LONG_AGO + 1)
    assert sha256(uri) == hashlib.sha256(b"ROWS").hexdigest()
    fresh = write_file(tmp_path / "b.csv", b"rows", time.time())
    sha256(fresh)
    sha256(fresh)
    assert hashed == ["a.csv", "a.csv", "b.csv", "b.csv"]


def test_the_receipt_of_an_untouched_file_suffices(tmp_path: Path, hashed: list[str]):
    path = tmp_path / "a.csv"
    uri = write_file(path, b"rows")
    receipts.save_receipt(
        path, Receipt("http://h/a.csv", 4, "s" * 64, "m" * 32, None, None, "", path.stat().st_mtime_ns)
    )
    assert checksum_memory.landed_checksums(uri) == Checksums(4, "s" * 64, "m" * 32)
    assert hashed == []
    write_file(path, b"rows", LONG_AGO + 5)
    assert sha256(uri) == hashlib.sha256(b"rows").hexdigest()
