"""How the labels of a release become one row an image and class: whose word counts, and what a contradiction means."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field

from oilake.conf.errors import ConfigError
from oilake.conf.registry import Origin
from oilake.conf.yaml_loader import load_dataclass

ORIGINS: tuple[Origin, ...] = ("machine", "human", "crowdsource")
Evidence = Literal["boxes", "masks", "relationships", "points"]
EVIDENCE: tuple[Evidence, ...] = get_args(Evidence)
Trusted = Literal["machine", "human", "crowdsource", "boxes", "masks", "relationships", "points"]


@dataclass(frozen=True)
class ReconcilePolicy:
    """`trust`: all origins, and what evidence may decide, the most trusted first; the first that has a verdict decides.
    A box, mask or relationship of an image and class says yes; points say what most of their votes say.

    `contradiction`: what an origin that says both 0 and 1 is taken to say. `machine`: which of several confidences
    counts. `machine_threshold`: the confidence, 0 to 1, from which on a machine label is a positive verdict; None: never.
    """

    trust: tuple[Trusted, ...]
    contradiction: Literal["positive", "negative"]
    machine: Literal["highest", "lowest"]
    machine_threshold: Annotated[float, Field(ge=0, le=1)] | None

    def as_json(self) -> str:
        """The policy as one line of JSON, the same for the same policy."""
        return json.dumps(asdict(self), sort_keys=True)


def load_policy(file: str | None = None) -> ReconcilePolicy:
    """The policy of a YAML file (the packaged one unless given); ConfigError names the file and the key at fault."""
    path = Path(file) if file is not None else files("oilake.conf") / "reconcile.yaml"
    policy = load_dataclass(ReconcilePolicy, path)
    named_origins = [name for name in policy.trust if name in ORIGINS]
    if sorted(named_origins) != sorted(ORIGINS) or len({*policy.trust}) < len(policy.trust):
        raise ConfigError(
            f"{path}: trust must name each of {', '.join(ORIGINS)} once, and {', '.join(EVIDENCE)} at most once, "
            f"not {', '.join(policy.trust)}"
        )
    return policy
