"""One fetch of a file at a time: who is refused learns who fetches, and nothing stays behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from oilake.jobs.fetching.file_lock import hold_file_lock
from oilake.jobs.transport.source import RefusedError


def test_a_lock_that_is_held_names_its_process_and_goes_with_it(tmp_path: Path):
    target = tmp_path / "images.tar.gz"
    with hold_file_lock(target):
        with pytest.raises(RefusedError, match=rf"another fetch \(process {os.getpid()}\)"), hold_file_lock(target):
            pass
        assert [path.name for path in tmp_path.iterdir()] == ["images.tar.gz.lock"]
    with hold_file_lock(target):
        pass
    assert not list(tmp_path.iterdir())


def test_a_lock_is_given_back_when_its_fetch_fails(tmp_path: Path):
    with pytest.raises(ValueError, match="torn"), hold_file_lock(tmp_path / "a"):
        raise ValueError("torn")
    assert not list(tmp_path.iterdir())
