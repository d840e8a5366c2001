"""The sample's own figures, counted from what was written, and the registry that publishes them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from oilake.conf.registry import PublishedFigures
from oilake.jobs.synthetic.classes import SampleClasses
from oilake.jobs.synthetic.release_rules import FIRST

Codes = npt.NDArray[np.int64]
Figures = dict[str, Any]


@dataclass
class FigureTally:
    """Rows by (release, figure, subset), and which classes occur by (release, kind of label).

    From V4 on a file's name stands in place of a release; `positives`: how often each class is a positive of train.
    """

    rows: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    seen: dict[tuple[str, str], set[int]] = field(default_factory=dict)
    positives: dict[str, Counter[int]] = field(default_factory=dict)

    def count(self, releases: tuple[str, ...], figure: str, subset: str, rows: int) -> None:
        """Adds rows of a figure."""
        for release in releases:
            self.rows[release, figure, subset] += rows

    def see(self, releases: tuple[str, ...], kind: str, classes: Codes) -> None:
        """Notes that the classes occur among the `kind` (machine, human, box) labels."""
        class_numbers = set(np.unique(classes).tolist())
        for release in releases:
            self.seen.setdefault((release, kind), set()).update(class_numbers)

    def add_positives(self, name: str, classes: Codes) -> None:
        """Adds positives of these classes, each as often as it stands there."""
        codes, counts = np.unique(classes, return_counts=True)
        self.positives.setdefault(name, Counter()).update(dict(zip(codes.tolist(), counts.tolist(), strict=True)))

    def add(self, other: FigureTally) -> None:
        """Adds what another one counted."""
        self.rows.update(other.rows)
        for name, counts in other.positives.items():
            self.positives.setdefault(name, Counter()).update(counts)
        for key, classes in other.seen.items():
            self.seen.setdefault(key, set()).update(classes)


def first_figures(tally: FigureTally, classes: SampleClasses, release: str) -> Figures:
    """Every figure of V1, V2 or V3 that `Published` knows, as its YAML has it."""
    trainable = set(np.flatnonzero(classes.trainable).tolist()) if release != FIRST else set()
    return release_figures(tally, release, set(np.flatnonzero(classes.listed[release]).tolist()), trainable)


def release_figures(tally: FigureTally, release: str, listed: set[int], trainable: set[int]) -> Figures:
    """Every figure of one release whose classes these are."""
    figure_values: Figures = {}
    for name in (f.name for f in fields(PublishedFigures)):
        by_subset = {s: n for (r, figure, s), n in tally.rows.items() if (r, figure) == (release, name)}
        if by_subset:
            figure_values[name] = by_subset
    for kind, prefix in (
        ("machine", "machine_"),
        ("human", "human_"),
        ("", ""),
        ("box", "box_"),
        ("mask", "mask_"),
        ("point", "point_"),
    ):
        kind_classes = tally.seen.get((release, kind), set()) if kind else listed
        if kind_classes:
            figure_values[f"{prefix}classes"] = len(kind_classes)
        if kind_classes and trainable:
            figure_values[f"{prefix}classes_trainable"] = len(kind_classes & trainable)
    return figure_values


def merge_files(tally: FigureTally, release: str, names: set[str]) -> FigureTally:
    """What the files of a release count together, under the release's name."""
    merged = FigureTally()
    for (name, figure, subset), rows in tally.rows.items():
        if name in names:
            merged.rows[release, figure, subset] += rows
    for (name, kind), classes in tally.seen.items():
        if name in names:
            merged.seen.setdefault((release, kind), set()).update(classes)
    for name, counts in tally.positives.items():
        if name in names:
            merged.positives.setdefault(release, Counter()).update(counts)
    return merged
