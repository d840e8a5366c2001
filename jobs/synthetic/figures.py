"""The sample's own figures, counted from what was written, and the registry that publishes them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from oilake.conf.errors import ConfigError
from oilake.conf.registry import PublishedFigures, packaged_registry
from oilake.conf.yaml_loader import load_yaml
from oilake.jobs.synthetic.classes import SampleClasses

Codes = npt.NDArray[np.int64]
Figures = dict[str, Any]


@dataclass
class FigureTally:
    """Rows by (release, figure, subset), and which classes occur by (release, kind of label)."""

    rows: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    seen: dict[tuple[str, str], set[int]] = field(default_factory=dict)

    def count(self, releases: tuple[str, ...], figure: str, subset: str, rows: int) -> None:
        """Adds rows of a figure."""
        for release in releases:
            self.rows[release, figure, subset] += rows

    def see(self, releases: tuple[str, ...], kind: str, classes: Codes) -> None:
        """Notes that the classes occur among the `kind` (machine, human, box) labels."""
        class_numbers = set(np.unique(classes).tolist())
        for release in releases:
            self.seen.setdefault((release, kind), set()).update(class_numbers)

    def add(self, other: FigureTally) -> None:
        """Adds what another one counted."""
        self.rows.update(other.rows)
        for key, classes in other.seen.items():
            self.seen.setdefault(key, set()).update(classes)


def release_figures(tally: FigureTally, classes: SampleClasses, release: str) -> Figures:
    """Every figure of one release that `Published` knows, as its YAML has it."""
    figure_values: Figures = {}
    for name in (f.name for f in fields(PublishedFigures)):
        by_subset = {s: n for (r, figure, s), n in tally.rows.items() if (r, figure) == (release, name)}
        if by_subset:
            figure_values[name] = by_subset
    trainable = set(np.flatnonzero(classes.trainable).tolist()) if release != "v1" else set()
    listed = set(np.flatnonzero(classes.listed[release]).tolist())
    for kind, prefix in (("machine", "machine_"), ("human", "human_"), ("", ""), ("box", "box_")):
        kind_classes = tally.seen.get((release, kind), set()) if kind else listed
        if kind_classes:
            figure_values[f"{prefix}classes"] = len(kind_classes)
        if kind_classes and trainable:
            figure_values[f"{prefix}classes_trainable"] = len(kind_classes & trainable)
    return figure_values


def registry_text(release: str, found: Figures) -> str:
    """The packaged YAML of a release with the sample's figures in place of the published ones."""
    path = packaged_registry() / f"{release}.yaml"
    document = load_yaml(path)
    missing = sorted(set(document["published"]) - set(found))
    if missing:
        raise ConfigError(f"{path}: published.{missing[0]} is a figure that a sample cannot count; remove it")
    document["published"] = {name: found[name] for name in document["published"]}
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
