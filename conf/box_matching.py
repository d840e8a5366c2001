"""When two boxes of different releases are taken for the same one."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from oilake.conf.errors import ConfigError
from oilake.conf.yaml_loader import build_dataclass, load_yaml


@dataclass(frozen=True)
class BoxMatching:
    """`least_iou`: from which overlap on a box can be another one redrawn, above 0 and up to 1."""

    least_iou: float


def load_box_matching(file: str | None = None) -> BoxMatching:
    """The rule of a YAML file (the packaged one unless given); ConfigError names the file and the key at fault."""
    path = Path(file) if file is not None else files("oilake.conf") / "box_matching.yaml"
    matching = build_dataclass(BoxMatching, load_yaml(path), str(path))
    if not 0 < matching.least_iou <= 1:
        raise ConfigError(f"{path}: least_iou must lie above 0 and up to 1, not {matching.least_iou}")
    return matching
