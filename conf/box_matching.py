"""When two boxes of different releases are taken for the same one."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from oilake.conf.errors import ConfigError
from oilake.conf.yaml_loader import load_dataclass

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


@dataclass(frozen=True)
class BoxMatching:
    """`least_iou`: from which overlap on a box can be another one redrawn, above 0 and up to 1."""

    least_iou: float


def load_box_matching() -> BoxMatching:
    """The packaged rule."""
    return read_box_matching(files("oilake.conf") / "box_matching.yaml")


def read_box_matching(path: Path | Traversable) -> BoxMatching:
    """The rule of a YAML file; ConfigError names the file and the key at fault."""
    matching = load_dataclass(BoxMatching, path)
    if not 0 < matching.least_iou <= 1:
        raise ConfigError(f"{path}: least_iou must lie above 0 and up to 1, not {matching.least_iou}")
    return matching
