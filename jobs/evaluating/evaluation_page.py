"""The page of an evaluation: precision against recall of all classes together and of each, drawn as inline SVG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from oilake.jobs.evaluating.average_precision import PrecisionCurve
from oilake.jobs.evaluating.evaluation_report import ClassFigures, EvaluationReport, figure_text
from oilake.jobs.reporting.html import render
from oilake.jobs.transforms.label_keys import Doubles

RECALL_STEPS = np.linspace(0.0, 1.0, 101)
CLASS_STEPS = np.linspace(0.0, 1.0, 41)


class DrawnCurve(NamedTuple):
    """A curve as points of an SVG polyline, in a square of a hundred units a side whose top is the precision of 1."""

    points: str
    description: str


def evaluation_page(report: EvaluationReport) -> str:
    """Return the whole HTML document."""
    return render(
        "evaluation_page.html",
        report=report,
        figures={name: figure_text(value) for name, value in report.figures.items()},
        mean_curve=_mean_curve(report.measured),
        classes=[(figures, figure_text(figures.average), _class_curve(figures)) for figures in report.measured],
    )


def precisions_at(curve: PrecisionCurve, recalls: Doubles) -> Doubles:
    """Return the highest precision at each of the recalls or any higher one, 0 where it is never reached; shape (n,)."""
    places = np.searchsorted(curve.recalls, recalls - 1e-12)
    return np.append(curve.envelope, 0.0)[places]


def _mean_curve(classes: Sequence[ClassFigures]) -> DrawnCurve | None:
    if not classes:
        return None
    mean = np.mean([precisions_at(figures.curve, RECALL_STEPS) for figures in classes], axis=0)
    return DrawnCurve(_points(RECALL_STEPS, mean), "mean precision of all classes at each recall")


def _class_curve(figures: ClassFigures) -> DrawnCurve:
    precisions = precisions_at(figures.curve, CLASS_STEPS)
    return DrawnCurve(_points(CLASS_STEPS, precisions), f"precision at each recall of {figures.name or figures.key}")


def _points(recalls: Doubles, precisions: Doubles) -> str:
    return " ".join(f"{x:g},{y:.1f}" for x, y in zip(recalls * 100, (1 - precisions) * 100, strict=True))
