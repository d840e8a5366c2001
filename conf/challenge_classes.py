"""Sets of classes that a challenge evaluates: which published files list them; no releases."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

from oilake.conf.errors import ConfigError
from oilake.conf.yaml_loader import load_dataclass

MarkKind = Literal["boxes", "masks"]
FOLDER = "class_sets"


@dataclass(frozen=True)
class ClassSet:
    """`base`: the address below which the files are published; `classes`: a list of MIDs and names without a header, and
    `hierarchies`: their tree of MIDs, by what is evaluated, as paths below `base` and in the landing area."""

    base: str
    classes: dict[MarkKind, str]
    hierarchies: dict[MarkKind, str]


def class_set_names() -> tuple[str, ...]:
    """Return the names of the packaged sets, sorted."""
    folder = files("oilake.conf") / FOLDER
    return tuple(sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml")))


def load_class_set(name: str) -> ClassSet:
    """Return a packaged set; ConfigError names the sets where there is no such one, or the key at fault."""
    if name not in class_set_names():
        raise ConfigError(f"--class-set {name!r}: no such set of classes; there is {', '.join(class_set_names())}")
    path = files("oilake.conf") / FOLDER / f"{name}.yaml"
    return load_dataclass(ClassSet, path)
