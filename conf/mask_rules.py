"""How the PNG of a mask is judged: which pixels are the object's, how exactly they lie in its box, what is too large."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Annotated

from pydantic import Field

from oilake.conf.yaml_loader import load_dataclass


@dataclass(frozen=True)
class MaskRules:
    """`foreground_above`: the grey, 0 to 255, above which a pixel is of the object; `box_tolerance`: a fraction of the
    image, 0 to 1; `max_bytes`, `max_pixels`: of one PNG."""

    foreground_above: Annotated[int, Field(ge=0, le=254)]
    box_tolerance: Annotated[float, Field(ge=0, le=1)]
    max_bytes: Annotated[int, Field(ge=1, le=1 << 30)]
    max_pixels: Annotated[int, Field(ge=1, le=1 << 30)]


def load_mask_rules() -> MaskRules:
    """The packaged rules; ConfigError names the key at fault."""
    path = files("oilake.conf") / "mask_rules.yaml"
    return load_dataclass(MaskRules, path)
