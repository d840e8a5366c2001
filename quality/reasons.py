"""Why rows are quarantined: the closed list of reasons, and what could be done about each."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from oilake.conf.yaml_loader import load_yaml


@cache
def quarantine_reasons() -> dict[str, str]:
    """The closed list of quarantine reasons with their meaning."""
    meanings: dict[str, str] = load_yaml(files("oilake.quality") / "reasons.yaml")
    return meanings


@cache
def quarantine_remedies() -> dict[str, str]:
    """What could be done about a quarantined row, by reason."""
    by_reason: dict[str, str] = load_yaml(files("oilake.quality") / "remedies.yaml")
    return by_reason
