"""The reviewed table of hierarchy names that no display name settles."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from oilake.conf.yaml_loader import build_dataclass, load_yaml


@dataclass(frozen=True)
class HierarchyName:
    """`name` (below `parent`, where that matters) is the class `mid`."""

    name: str
    mid: str
    why: str
    parent: str | None = None


@cache
def load_reviewed_names() -> tuple[HierarchyName, ...]:
    """Every reviewed name; ConfigError when an entry does not fit."""
    path = files("oilake.conf") / "hierarchy_names.yaml"
    return tuple(
        build_dataclass(HierarchyName, entry, str(path), f"[{index}]") for index, entry in enumerate(load_yaml(path))
    )
