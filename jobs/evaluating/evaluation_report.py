"""What an evaluation says: the figures of all classes and of each, for a terminal, a program and a page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from oilake.jobs.evaluating.average_precision import PrecisionCurve
from oilake.jobs.runtime.printing import aligned_lines

NOTHING = "–"
# Why a prediction was not counted, in words.
FATES = {
    "counted": "counted",
    "in_group": "in a group of instances whose best detection counts alone, or not at all",
    "ignored": "of a group, or of an instance whose mask is not published",
    "unverified": "of a class that nobody verified on the image, or of another image",
    "other_class": "of a class that is not evaluated",
    "empty": "without area",
}


class ClassFigures(NamedTuple):
    """One class or type of relationship; `average`: None where there is no ground truth. `truths`: groups by their weight;
    `counted`, `right`: detections."""

    key: str
    name: str | None
    average: float | None
    truths: float
    counted: int
    right: int
    curve: PrecisionCurve

    def as_json(self) -> dict[str, object]:
        """The figures as plain data, without the curve."""
        return {name: value for name, value in self._asdict().items() if name != "curve"}


@dataclass(frozen=True)
class EvaluationReport:
    """`subject`: what was evaluated, in words; `figures`: of all classes by name, None where nothing can be measured;
    `snapshot`: the publication that was read; `fates`: predictions by what became of them."""

    subject: str
    predictions: str
    release: str
    snapshot: int
    subset: str
    figures: Mapping[str, float | None]
    classes: list[ClassFigures]
    fates: Mapping[str, int]

    def as_json(self) -> dict[str, object]:
        """The report as plain data."""
        plain = {name: getattr(self, name) for name in ("subject", "predictions", "release", "snapshot", "subset")}
        classes = [figures.as_json() for figures in self.classes]
        return {**plain, "figures": dict(self.figures), "fates": dict(self.fates), "classes": classes}

    def as_text(self) -> str:
        """The figures in lines, those of classes with ground truth below."""
        return "\n".join([self.heading, *self.figure_lines(), *self.fate_lines(), *self._class_lines()])

    @property
    def heading(self) -> str:
        """What was held against what."""
        return f"{self.subject} against {self.release} {self.subset} (publication {self.snapshot})"

    def figure_lines(self) -> Iterator[str]:
        """Yield each figure of all classes with its name."""
        for name, value in self.figures.items():
            yield f"{name}: {figure_text(value)}"

    def fate_lines(self) -> Iterator[str]:
        """Yield how many predictions were counted, and how many were not, by why."""
        for fate, words in FATES.items():
            if self.fates.get(fate):
                yield f"{self.fates[fate]:,} predictions {words}"

    @property
    def measured(self) -> list[ClassFigures]:
        """The classes that have ground truth."""
        return [figures for figures in self.classes if figures.average is not None]

    def _class_lines(self) -> Iterator[str]:
        cells = [
            [
                row.key,
                row.name or "",
                figure_text(row.average),
                f"{row.truths:,g}",
                f"{row.counted:,}",
                f"{row.right:,}",
            ]
            for row in self.measured
        ]
        yield from aligned_lines([["class", "name", "AP", "truths", "detections", "right"], *cells])


def figure_text(value: float | None) -> str:
    """Word a figure from 0 to 1, None as a dash."""
    return NOTHING if value is None else f"{value:.6f}"


def plain_figure(value: float) -> float | None:
    """Return a figure, None where it is not a number."""
    return None if math.isnan(value) else value
