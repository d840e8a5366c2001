"""How far a release may differ from the one before it before a check warns."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from pydantic import Field

from oilake.conf.yaml_loader import load_dataclass

VARIABLE = "OILAKE_DRIFT"
Share = Annotated[float, Field(ge=0, le=1)]
Factor = Annotated[float, Field(ge=1, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True)
class DriftThresholds:
    """What a check does not warn of. `positive_share`, `null_share`, `value_share`: points, 0 to 1. `labels_an_image`,
    `boxes_an_image`, `rows_an_image`, `relationships_an_image`: times as many or as few, at least 1. `new_classes`,
    `vanished_classes`, `new_entries`, `vanished_entries`: shares of the classes or entries of the release before.
    `positive_share_labels`, `value_share_rows`: labels that a class, and rows that a group, must have in both.
    `evaluation_images`: images. `publication_days`: days.
    """

    positive_share: Share
    positive_share_labels: Count
    labels_an_image: Factor
    boxes_an_image: Factor
    rows_an_image: Factor
    relationships_an_image: Factor
    null_share: Share
    value_share: Share
    value_share_rows: Count
    new_classes: Amount
    vanished_classes: Amount
    new_entries: Amount
    vanished_entries: Amount
    evaluation_images: Count
    publication_days: Count

    def named(self) -> dict[str, str]:
        """Every threshold as it is written in SQL, by its name."""
        return {name: repr(value).removesuffix(".0") for name, value in asdict(self).items()}


def load_thresholds() -> DriftThresholds:
    """The thresholds of the file that OILAKE_DRIFT names, else the packaged ones; ConfigError names the key at fault."""
    return _load_file(os.environ.get(VARIABLE) or None)


@cache
def _load_file(file: str | None) -> DriftThresholds:
    path = Path(file) if file else files("oilake.conf") / "drift.yaml"
    return load_dataclass(DriftThresholds, path)
