"""One evaluation from the file of predictions to the report; what is predicted is seen from the file's header."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from oilake.conf.challenge_classes import MarkKind, load_class_set
from oilake.conf.errors import ConfigError
from oilake.conf.mask_rules import load_mask_rules
from oilake.conf.settings import Settings
from oilake.jobs.evaluating import mask_evaluation, relationship_evaluation
from oilake.jobs.evaluating.average_precision import mean_average
from oilake.jobs.evaluating.box_evaluation import ClassEvaluation, evaluate_boxes
from oilake.jobs.evaluating.evaluated_classes import EvaluatedClasses, challenge_classes, release_classes
from oilake.jobs.evaluating.evaluation_report import ClassFigures, EvaluationReport, plain_figure
from oilake.jobs.evaluating.prediction_file import PredictionFile
from oilake.jobs.evaluating.published_truth import PublishedTruth
from oilake.jobs.evaluating.relationship_evaluation import RelationshipEvaluation, evaluate_relationships
from oilake.jobs.masking.landed_pictures import open_pictures
from oilake.jobs.masking.landed_zips import find_zips
from oilake.jobs.tables.snapshots import pin_snapshots, require_snapshot
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import release_registry

MARK_METRIC = "mAP@0.5IOU"
# As the challenge weighs groups: of boxes from 2018 on, of masks.
GROUP_WEIGHTS: dict[MarkKind, float] = {"boxes": 1.0, "masks": 0.0}
RELATIONSHIP_METRICS = ("relationships mAP@0.5IOU", "relationships recall@50", "phrases mAP@0.5IOU")


@dataclass(frozen=True)
class EvaluationRequest:
    """`group_weight`: of boxes around a group, None: as the challenge weighs them; `sum_weights`: of the three figures of
    relationships, none given: no sum."""

    predictions: str
    release: str
    subset: str
    class_set: str | None = None
    group_weight: float | None = None
    sum_weights: Sequence[float] = ()


def evaluate_predictions(settings: Settings, request: EvaluationRequest) -> EvaluationReport:
    """Hold a file of predictions against one subset of a published release; ConfigError, InputError or StoreError."""
    predictions = PredictionFile(settings.storage_uri(request.predictions))
    warehouse = pin_snapshots(Warehouse.of(settings))
    truth = PublishedTruth(warehouse, require_snapshot(warehouse, request.release), request.subset)
    if relationship_evaluation.MARKED in predictions.names:
        return _evaluate_relationships(request, predictions, truth)
    _refuse_flag("--sum-weights", request.sum_weights, "relationships")
    kind: MarkKind = "masks" if mask_evaluation.MARKED in predictions.names else "boxes"
    weight = GROUP_WEIGHTS[kind] if request.group_weight is None else request.group_weight
    if not 0 <= weight <= 1:
        raise ConfigError(f"--group-weight must be from 0 to 1, not {weight}")
    classes = (
        challenge_classes(settings, load_class_set(request.class_set), kind)
        if request.class_set
        else release_classes(truth.warehouse, truth.pin)
    )
    if kind == "masks":
        evaluation = _evaluate_masks(settings, predictions, truth, classes, weight)
    else:
        evaluation = evaluate_boxes(predictions, truth, classes, weight)
    figures = {MARK_METRIC: plain_figure(mean_average(evaluation.averages))}
    class_figures = evaluation.class_figures(classes.vocabulary.mids.to_pylist(), classes.names)
    subject = f"{kind} of {request.class_set or 'all boxable classes'}, group-of weight {weight:g},"
    return _report(request, truth, subject, figures, class_figures, evaluation.fates)


def _evaluate_masks(
    settings: Settings, predictions: PredictionFile, truth: PublishedTruth, classes: EvaluatedClasses, weight: float
) -> ClassEvaluation:
    release = release_registry.find_release(truth.pin.release, settings.registry)
    zips = find_zips(settings, release, [truth.subset])[truth.subset]
    with open_pictures(zips, load_mask_rules()) as pictures:
        return mask_evaluation.evaluate_masks(predictions, truth, classes, weight, pictures)


def _evaluate_relationships(
    request: EvaluationRequest, predictions: PredictionFile, truth: PublishedTruth
) -> EvaluationReport:
    _refuse_flag("--class-set", request.class_set, "boxes and masks")
    _refuse_flag("--group-weight", request.group_weight is not None, "boxes and masks")
    weights = request.sum_weights
    if weights and (len(weights) != len(RELATIONSHIP_METRICS) or not all(map(math.isfinite, weights))):
        raise ConfigError(f"--sum-weights must be three numbers, of {', '.join(RELATIONSHIP_METRICS)}")
    evaluation = evaluate_relationships(predictions, truth)
    values = evaluation.figures()
    figures = {name: plain_figure(value) for name, value in zip(RELATIONSHIP_METRICS, values, strict=True)}
    if weights:
        total = math.fsum(weight * value for weight, value in zip(weights, values, strict=True))
        figures[f"sum by {', '.join(f'{weight:g}' for weight in weights)}"] = plain_figure(total)
    return _report(request, truth, "relationships", figures, _type_figures(evaluation), evaluation.boxes.fates)


def _report(
    request: EvaluationRequest,
    truth: PublishedTruth,
    subject: str,
    figures: dict[str, float | None],
    classes: list[ClassFigures],
    fates: Mapping[str, int],
) -> EvaluationReport:
    return EvaluationReport(
        subject, request.predictions, truth.pin.release, truth.pin.number, truth.subset, figures, classes, fates,
    )  # fmt: skip


def _refuse_flag(flag: str, value: object, kind: str) -> None:
    if value:
        raise ConfigError(f"{flag} is of {kind}, which this file does not predict; leave it out")


def _type_figures(evaluation: RelationshipEvaluation) -> list[ClassFigures]:
    """Return the figures of every type of relationship, as two boxes and as a phrase."""
    both = ((evaluation.boxes, "relationship"), (evaluation.phrases, "phrase"))
    return [
        figures
        for part, name in both
        for figures in part.class_figures(evaluation.types, [name] * len(evaluation.types))
    ]
