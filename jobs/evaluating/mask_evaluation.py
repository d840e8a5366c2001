"""Masks that a model predicts, held against the published ones: as boxes are, by pixels, groups and bare boxes ignored."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pyarrow as pa

from oilake.conf.errors import InputError
from oilake.jobs.blobs.mask_pictures import Foreground, MaskBox, measure_mask
from oilake.jobs.blobs.run_lengths import MaskCodeError
from oilake.jobs.evaluating.box_evaluation import (
    COUNTED,
    EMPTY,
    IGNORED,
    UNVERIFIED,
    ClassEvaluation,
    coded_predictions,
    join_parts,
)
from oilake.jobs.evaluating.evaluated_classes import EvaluatedClasses
from oilake.jobs.evaluating.image_buckets import open_buckets
from oilake.jobs.evaluating.label_expansion import ExpandedTruth, expand_truth
from oilake.jobs.evaluating.mask_codes import decode_mask
from oilake.jobs.evaluating.mask_overlaps import mask_overlaps
from oilake.jobs.evaluating.mask_truth import mask_marks
from oilake.jobs.evaluating.prediction_file import PredictionFile, PredictionForm
from oilake.jobs.evaluating.published_truth import BOX_SCHEMA, LABEL_SCHEMA, MASK_SCHEMA, PublishedTruth
from oilake.jobs.evaluating.truth_matching import (
    CountedDetections,
    Detections,
    TruthMarks,
    box_overlaps,
    count_detections,
    count_marks,
)
from oilake.jobs.masking.landed_pictures import MaskPictures
from oilake.jobs.transforms.box_matching import Edges, box_areas

MARKED = "Mask"
MASK_FORM = PredictionForm(
    {
        "ImageID": "image_id",
        "ImageWidth": "width",
        "ImageHeight": "height",
        "LabelName": "mid",
        "Score": "score",
        MARKED: "mask",
    },
    ("mid",),
    ("mask",),
    sides=("width", "height"),
)
CLAIM_TYPES = {"image": pa.uint64(), "code": pa.int64(), "score": pa.float64(), "row": pa.int64(), "mask": pa.string()}
CLAIM_SCHEMA = pa.schema({**CLAIM_TYPES, "width": pa.float64(), "height": pa.float64()})
NO_EXTENT = MaskBox(0.0, 0.0, 0.0, 0.0)


class ClaimedMasks:
    """Predicted masks by their places in `rows`, unfolded when asked for; InputError names the line of one that is none."""

    def __init__(self, rows: pa.Table, uri: str) -> None:
        self.rows, self.uri = rows, uri

    def read(self, place: int) -> Foreground:
        """Return the pixels of the object, shape (height, width)."""
        row = self.rows.slice(place, 1).to_pylist()[0]
        try:
            return decode_mask(row["mask"], int(row["width"]), int(row["height"]))
        except MaskCodeError as error:
            raise InputError(f"{self.uri}: line {row['row']}: {MARKED}: {error}; encode the mask anew") from None

    def extents(self) -> Edges:
        """Return the box around each mask (x_min, x_max, y_min, y_max), without area where it has no pixel."""
        boxes = [measure_mask(self.read(place)).extent or NO_EXTENT for place in range(len(self.rows))]
        return np.array(boxes, np.float64).reshape(-1, 4)


def evaluate_masks(
    predictions: PredictionFile,
    truth: PublishedTruth,
    classes: EvaluatedClasses,
    group_weight: float,
    pictures: MaskPictures,
) -> ClassEvaluation:
    """Evaluate a file of predicted masks; InputError at its first bad row, ConfigError where there is no ground truth."""
    parts, truths, fates = list[CountedDetections](), np.zeros(len(classes)), Counter[str]()
    rows = truth.count_rows("boxes", "masks", "image_labels") + predictions.about_rows()
    with open_buckets(rows) as buckets:
        claims = coded_predictions(predictions.batches(MASK_FORM), classes, CLAIM_SCHEMA, fates)
        buckets.add("claims", CLAIM_SCHEMA, claims)
        buckets.add("boxes", BOX_SCHEMA, truth.boxes(classes))
        buckets.add("masks", MASK_SCHEMA, truth.masks(classes))
        buckets.add("labels", LABEL_SCHEMA, truth.labels(classes))
        for bucket in buckets.numbers():
            boxes, masks, labels = (buckets.read(name, bucket) for name in ("boxes", "masks", "labels"))
            there = mask_marks(boxes, masks)
            expanded = expand_truth(there, labels, classes)
            names = there["mask_path"].take(pa.array(expanded.rows))
            is_bare = names.is_null().to_numpy()
            marks = TruthMarks(expanded.keys, expanded.is_group_of, is_bare)
            truths += count_marks(marks, expanded.codes, len(classes), group_weight)
            claims_here = _judged_claims(buckets.read("claims", bucket), expanded, fates)
            parts.append(
                _count_masks(
                    ClaimedMasks(claims_here, predictions.uri), expanded, marks, names, group_weight, pictures, fates
                )
            )
    return join_parts(parts, truths, fates)


def _judged_claims(rows: pa.Table, truth: ExpandedTruth, fates: Counter[str]) -> pa.Table:
    """Return the predictions whose class is verified on their image, those of one key together, which is their `key`."""
    keys, is_verified = truth.keys_of(rows["image"].to_numpy(), rows["code"].to_numpy())
    places = np.flatnonzero(is_verified)
    fates[UNVERIFIED] += len(rows) - len(places)
    order = places[np.argsort(keys[places], kind="stable")]
    return rows.append_column("key", pa.array(keys)).take(pa.array(order)).combine_chunks()


def _count_masks(
    claims: ClaimedMasks,
    truth: ExpandedTruth,
    marks: TruthMarks,
    names: pa.ChunkedArray,
    group_weight: float,
    pictures: MaskPictures,
    fates: Counter[str],
) -> CountedDetections:
    """Return what counts of the predictions of some images, by class number in place of keys."""
    extents = claims.extents()
    has_pixels = box_areas(extents) > 0
    claims = ClaimedMasks(claims.rows.filter(pa.array(has_pixels)), claims.uri)
    extents, rows = extents[has_pixels], claims.rows
    detections = Detections(rows["key"].to_numpy(), rows["score"].to_numpy(), rows["row"].to_numpy())
    overlaps = mask_overlaps(claims.read, lambda mark: pictures.read(names[mark].as_py()))
    counted = count_detections(detections, marks, overlaps, group_weight, box_overlaps(extents, truth.edges))
    fates.update(
        {
            EMPTY: int(np.count_nonzero(~has_pixels)),
            IGNORED: len(rows) - len(counted.keys),
            COUNTED: len(counted.keys),
        }
    )
    return replace(counted, keys=counted.keys % truth.classes)
