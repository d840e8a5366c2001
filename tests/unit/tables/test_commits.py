"""A commit beside other writers: tried again while they are first, and told where that goes on."""

from __future__ import annotations

import time

import pytest
from deltalake.exceptions import CommitFailedError

from oilake.conf.errors import StoreError
from oilake.jobs.tables.commits import ATTEMPTS, commit_persistently


class Race:
    """A commit that other writers beat `losses` times; `pauses`: the waits between its tries, in seconds."""

    def __init__(self, losses: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.losses, self.tries, self.pauses = losses, 0, list[float]()
        monkeypatch.setattr(time, "sleep", self.pauses.append)

    def commit(self) -> int:
        self.tries += 1
        if self.tries <= self.losses:
            raise CommitFailedError("beaten")
        return self.tries


def test_a_commit_that_is_beaten_is_tried_again_after_longer_and_longer_waits(monkeypatch: pytest.MonkeyPatch):
    race = Race(3, monkeypatch)
    assert commit_persistently("lake/images", race.commit) == 4
    assert race.pauses == sorted(race.pauses)


def test_a_commit_that_is_always_beaten_is_told(monkeypatch: pytest.MonkeyPatch):
    race = Race(ATTEMPTS, monkeypatch)
    with pytest.raises(StoreError, match=r"^lake/images: other runs keep writing; run the same command again$"):
        commit_persistently("lake/images", race.commit)
    assert race.tries == ATTEMPTS


def test_any_other_error_ends_it_at_once(monkeypatch: pytest.MonkeyPatch):
    race = Race(0, monkeypatch)
    monkeypatch.setattr(race, "commit", lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        commit_persistently("lake/images", race.commit)
    assert race.pauses == []
