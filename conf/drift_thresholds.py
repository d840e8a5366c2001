"""How far a release may differ from the one before it before a check warns."""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from oilake.conf.errors import ConfigError
from oilake.conf.yaml_loader import build_dataclass, load_yaml

VARIABLE = "OILAKE_DRIFT"
SHARES = ("positive_share", "null_share")
FACTORS = ("labels_an_image", "boxes_an_image")


@dataclass(frozen=True)
class DriftThresholds:
    """What a check does not warn of. `positive_share`, `null_share`: points, 0 to 1. `labels_an_image`,
    `boxes_an_image`: times as many or as few, at least 1. `new_classes`, `vanished_classes`: shares of the classes of the
    release before. `positive_share_labels`: labels that a class must have in both. `evaluation_images`: images.
    `publication_days`: days.
    """

    positive_share: float
    positive_share_labels: int
    labels_an_image: float
    boxes_an_image: float
    null_share: float
    new_classes: float
    vanished_classes: float
    evaluation_images: int
    publication_days: int

    def named(self) -> dict[str, str]:
        """Every threshold as it is written in SQL, by its name."""
        return {name: repr(value).removesuffix(".0") for name, value in asdict(self).items()}


def load_thresholds() -> DriftThresholds:
    """The thresholds of the file that OILAKE_DRIFT names, else the packaged ones; ConfigError names the key at fault."""
    return _load_file(os.environ.get(VARIABLE) or None)


@cache
def _load_file(file: str | None) -> DriftThresholds:
    path = Path(file) if file else files("oilake.conf") / "drift.yaml"
    drift = build_dataclass(DriftThresholds, load_yaml(path), str(path))
    for name, value in asdict(drift).items():
        low, high = (1, math.inf) if name in FACTORS else (0, 1) if name in SHARES else (0, math.inf)
        if not low <= value <= high or math.isinf(value):
            bounds = f"lie between {low} and {high}" if name in SHARES else f"be {low} or more"
            raise ConfigError(f"{path}: {name} must {bounds}, not {value}")
    return drift
