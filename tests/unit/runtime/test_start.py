"""Spark starts when its session is asked for, or before that beside other work."""

from __future__ import annotations

from threading import Event
from typing import Any

import pytest

from oilake.conf.errors import ConfigError
from oilake.jobs.pipeline.start import StartOnDemand
from oilake.jobs.runtime import run_events


def test_what_was_begun_starts_beside_other_work_and_once():
    starts, is_begun, may_end = list[str](), Event(), Event()

    def start() -> Any:
        starts.append("started")
        is_begun.set()
        assert may_end.wait(10)
        return "session"

    session, told = StartOnDemand(start), list[run_events.RunEvent]()
    session.begin()
    assert is_begun.wait(10)  # nobody asked yet
    may_end.set()
    with run_events.listening(told.append):
        assert [session(), session()] == ["session", "session"]
    assert starts == ["started"]
    assert told == [run_events.PhaseDone("spark", session.seconds)]


def test_what_fails_beside_other_work_is_raised_where_the_session_is_asked_for():
    def start() -> Any:
        raise ConfigError("Spark does not start; run `oilake setup`")

    session = StartOnDemand(start)
    session.begin()
    with pytest.raises(ConfigError, match="Spark does not start"):
        session()
    assert session.session is None


def test_nothing_starts_where_nobody_asks():
    session = StartOnDemand(lambda: pytest.fail("Spark was started"))
    assert (session.session, session.seconds) == (None, 0.0)
