"""Precision against recall, and the area below: VOC 2010's, of precision that never rises with recall."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from oilake.jobs.evaluating.truth_matching import CountedDetections
from oilake.jobs.transforms.label_keys import Doubles, Integers


@dataclass(frozen=True)
class PrecisionCurve:
    """One class after each of its counted detections, by falling score; `recalls`, `precisions`: shape (n,), 0 to 1.

    `truths`: what was to be found, groups by their weight; NaN is the average where that is nothing.
    """

    recalls: Doubles
    precisions: Doubles
    truths: float

    @cached_property
    def envelope(self) -> Doubles:
        """The highest precision at each recall or any higher one, shape (n,)."""
        return np.maximum.accumulate(self.precisions[::-1])[::-1]

    @property
    def average(self) -> float:
        """The area below the envelope, 0 to 1."""
        if not self.truths > 0:
            return float("nan")
        return float(np.sum(np.diff(self.recalls, prepend=0.0) * self.envelope))


def precision_curve(weights: Doubles, truths: float) -> PrecisionCurve:
    """Return the curve of the `weights` of counted detections, which come by falling score."""
    right, wrong = np.cumsum(weights), np.cumsum(weights <= 0)
    recalls = right / truths if truths > 0 else np.zeros(len(weights))
    return PrecisionCurve(recalls, right / np.maximum(right + wrong, np.finfo(float).tiny), truths)


def class_curves(counted: CountedDetections, class_codes: Integers, truths: Doubles) -> list[PrecisionCurve]:
    """Return the curve of every class; `class_codes`: of the counted detections, `truths`: by class, shape (classes,)."""
    order = np.lexsort((counted.rows, -counted.scores, class_codes))
    ends = np.searchsorted(class_codes[order], np.arange(len(truths) + 1))
    return [
        precision_curve(counted.weights[order[start:stop]], float(count))
        for start, stop, count in zip(ends[:-1], ends[1:], truths, strict=True)
    ]


def mean_average(averages: Doubles) -> float:
    """Return the plain mean over the classes that have ground truth; NaN where none has."""
    measured = averages[~np.isnan(averages)]
    return float(np.mean(measured)) if len(measured) else float("nan")
