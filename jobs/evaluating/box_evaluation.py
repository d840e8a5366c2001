"""Boxes that a model predicts, held against the published ones: image by image in bounded memory, then by class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from oilake.jobs.evaluating.average_precision import PrecisionCurve, class_curves
from oilake.jobs.evaluating.evaluated_classes import EvaluatedClasses
from oilake.jobs.evaluating.evaluation_report import ClassFigures, plain_figure
from oilake.jobs.evaluating.image_buckets import open_buckets
from oilake.jobs.evaluating.label_expansion import ExpandedTruth, expand_truth
from oilake.jobs.evaluating.prediction_file import (
    EDGES,
    PUBLISHED_EDGES,
    PredictionFile,
    PredictionForm,
    edge_matrix,
)
from oilake.jobs.evaluating.published_truth import BOX_SCHEMA, LABEL_SCHEMA, PublishedTruth
from oilake.jobs.evaluating.truth_matching import (
    CountedDetections,
    Detections,
    TruthMarks,
    box_overlaps,
    count_detections,
    count_marks,
)
from oilake.jobs.transforms.label_keys import Doubles, Integers

BOX_FORM = PredictionForm(
    {
        "ImageID": "image_id",
        "LabelName": "mid",
        "Score": "score",
        **dict(zip(PUBLISHED_EDGES, EDGES, strict=True)),
    },
    ("mid",),
    (),
    (EDGES,),
)
PREDICTION_SCHEMA = pa.schema(
    [("image", pa.uint64()), ("code", pa.int64()), ("score", pa.float64()), ("row", pa.int64())]
    + [(name, pa.float64()) for name in EDGES]
)
COUNTED, OTHER_CLASS, UNVERIFIED, EMPTY, IN_GROUP, IGNORED = (
    "counted", "other_class", "unverified", "empty", "in_group", "ignored"
)  # fmt: skip


@dataclass(frozen=True)
class ClassEvaluation:
    """`curves`: by class number; `right`, `counted`: detections by class, of those in a group its best one alone; `fates`:
    how many predictions were counted, and why others were not."""

    curves: list[PrecisionCurve]
    right: Doubles
    counted: Integers
    fates: Counter[str]

    @property
    def averages(self) -> Doubles:
        """The average precision by class; NaN where there is no ground truth."""
        return np.array([curve.average for curve in self.curves])

    def class_figures(self, keys: Sequence[str], names: Sequence[str | None]) -> list[ClassFigures]:
        """Return the figures of every class, which is called so."""
        return [
            ClassFigures(
                keys[n], names[n], plain_figure(curve.average), curve.truths, int(self.counted[n]), int(self.right[n]), curve
            )
            for n, curve in enumerate(self.curves)
        ]  # fmt: skip


def evaluate_boxes(
    predictions: PredictionFile, truth: PublishedTruth, classes: EvaluatedClasses, group_weight: float
) -> ClassEvaluation:
    """Evaluate a file of predicted boxes; InputError at its first bad row, ConfigError where there is no ground truth."""
    parts, truths, fates = list[CountedDetections](), np.zeros(len(classes)), Counter[str]()
    with open_buckets(truth.count_rows("boxes", "image_labels") + predictions.about_rows()) as buckets:
        claims = coded_predictions(predictions.batches(BOX_FORM), classes, PREDICTION_SCHEMA, fates)
        buckets.add("predictions", PREDICTION_SCHEMA, claims)
        buckets.add("boxes", BOX_SCHEMA, truth.boxes(classes))
        buckets.add("labels", LABEL_SCHEMA, truth.labels(classes))
        for bucket in buckets.numbers():
            expanded = expand_truth(buckets.read("boxes", bucket), buckets.read("labels", bucket), classes)
            marks = TruthMarks(expanded.keys, expanded.is_group_of, np.zeros(len(expanded.keys), np.bool_))
            truths += count_marks(marks, expanded.codes, len(classes), group_weight)
            parts.append(count_bucket(buckets.read("predictions", bucket), expanded, marks, group_weight, fates))
    return join_parts(parts, truths, fates)


def count_bucket(
    rows: pa.Table, truth: ExpandedTruth, marks: TruthMarks, group_weight: float, fates: Counter[str]
) -> CountedDetections:
    """Return what counts of the predictions of some images, by class number in place of keys."""
    edges = edge_matrix(rows)
    is_area = (edges[:, 0] < edges[:, 1]) & (edges[:, 2] < edges[:, 3])
    keys, is_verified = truth.keys_of(rows["image"].to_numpy(), rows["code"].to_numpy())
    is_chosen = is_verified & is_area
    detections = Detections(keys, rows["score"].to_numpy(), rows["row"].to_numpy()).take(is_chosen)
    counted = count_detections(detections, marks, box_overlaps(edges[is_chosen], truth.edges), group_weight)
    fates.update(
        {
            EMPTY: int(np.count_nonzero(~is_area)),
            UNVERIFIED: int(np.count_nonzero(is_area & ~is_verified)),
            IN_GROUP: len(detections.keys) - len(counted.keys),
            COUNTED: len(counted.keys),
        }
    )
    return replace(counted, keys=counted.keys % truth.classes)


def join_parts(parts: list[CountedDetections], truths: Doubles, fates: Counter[str]) -> ClassEvaluation:
    """Return the evaluation by class of what counted in each bucket."""
    fields = ("keys", "scores", "rows", "weights")
    joined = CountedDetections(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))
    return ClassEvaluation(
        class_curves(joined, joined.keys, truths),
        np.asarray(np.bincount(joined.keys, np.sign(joined.weights), len(truths)), np.float64),
        np.asarray(np.bincount(joined.keys, minlength=len(truths)), np.int64),
        fates,
    )


def coded_predictions(
    batches: Iterator[pa.RecordBatch], classes: EvaluatedClasses, schema: pa.Schema, fates: Counter[str]
) -> Iterator[pa.RecordBatch]:
    """Yield the predictions of evaluated classes, with the class numbers as `code`, in the columns of `schema`."""
    for batch in batches:
        coded = classes.coded_rows(batch)
        fates[OTHER_CLASS] += len(batch) - len(coded)
        yield coded.select(schema.names)
