"""One process at a time: who is refused learns who holds the lock, and nothing stays behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from oilake.jobs.runtime.file_lock import HeldLockError, hold_lock


def test_a_lock_that_is_held_names_its_process_and_goes_with_it(tmp_path: Path):
    path = tmp_path / "images.tar.gz.lock"
    with hold_lock(path):
        with pytest.raises(HeldLockError) as error, hold_lock(path):
            pass
        assert error.value.holder == str(os.getpid())
        assert list(tmp_path.iterdir()) == [path]
    with hold_lock(path):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="there is no /proc here, where nobody makes files")
def test_where_nothing_can_be_made_nobody_is_said_to_hold_the_lock():
    with pytest.raises(OSError, match="/proc/none"), hold_lock(Path("/proc/none.lock")):
        pass


def test_a_lock_is_given_back_when_the_work_fails(tmp_path: Path):
    with pytest.raises(ValueError, match="torn"), hold_lock(tmp_path / "a.lock"):
        raise ValueError("torn")
    assert not list(tmp_path.iterdir())
