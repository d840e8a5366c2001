"""What is taken for a contradiction: its kinds, what each needs to be judged, and what could be done about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from oilake.conf.errors import ConfigError
from oilake.conf.registry import SUBSETS
from oilake.conf.yaml_loader import load_dataclass

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

NeededEvidence = Literal[
    "human labels",
    "crowdsource labels",
    "verdicts",
    "boxes",
    "masks",
    "relationships",
    "points",
    "hierarchy",
    "classes",
    "box classes",
    "images",
]


@dataclass(frozen=True)
class ContradictionKind:
    """One kind. `needs`: what a subset must hold for it to be judged there, and `subsets`: where it is judged at all."""

    words: str
    needs: tuple[NeededEvidence, ...]
    remedy: str
    subsets: tuple[str, ...] = field(default=SUBSETS)

    def missing_evidence(self, held: frozenset[str]) -> list[str]:
        """Name what is needed and not held, in order."""
        return [name for name in self.needs if name not in held]


@dataclass(frozen=True)
class ContradictionRules:
    """All kinds by name, in the order of reports; `least_mask_iou`: from which overlap on a box is a mask's."""

    least_mask_iou: float
    kinds: dict[str, ContradictionKind]


def load_rules() -> ContradictionRules:
    """Load the packaged rules."""
    return read_rules(files("oilake.conf") / "contradictions.yaml")


def read_rules(path: Path | Traversable) -> ContradictionRules:
    """Read the rules of a YAML file; ConfigError names the file and the key at fault."""
    rules = load_dataclass(ContradictionRules, path)
    if not 0 < rules.least_mask_iou <= 1:
        raise ConfigError(f"{path}: least_mask_iou must lie above 0 and up to 1, not {rules.least_mask_iou}")
    return rules
