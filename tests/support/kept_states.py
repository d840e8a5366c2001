"""The states of tables that a process keeps, and how a test begins without any."""

from __future__ import annotations

from collections import OrderedDict

import pytest

from oilake.jobs.tables import delta_log


def forget_states(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the test ends none is kept but those that it opens from here on."""
    monkeypatch.setattr(delta_log, "_kept", OrderedDict())
    monkeypatch.setattr(delta_log, "_newest", {})
