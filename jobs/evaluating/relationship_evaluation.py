"""Relationships that a model predicts, held against the published ones: three figures, and average precision by type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oilake.jobs.evaluating.average_precision import mean_average
from oilake.jobs.evaluating.box_evaluation import (
    COUNTED,
    UNVERIFIED,
    ClassEvaluation,
    join_parts,
)
from oilake.jobs.evaluating.code_book import CodeBook, rows_with_code
from oilake.jobs.evaluating.image_buckets import ImageBuckets, open_buckets
from oilake.jobs.evaluating.prediction_file import (
    EDGES,
    PUBLISHED_EDGES,
    PredictionFile,
    PredictionForm,
    edge_matrix,
)
from oilake.jobs.evaluating.published_truth import LABEL_SCHEMA, PublishedTruth
from oilake.jobs.evaluating.relationship_matching import (
    CountedRelationships,
    RelatedBoxes,
    VerifiedClasses,
    count_relationships,
)
from oilake.jobs.transforms.label_keys import Doubles

MARKED = "RelationshipLabel"
TABLE = "relationships"
SIDES = tuple((f"{EDGES[0]}_{n}", f"{EDGES[1]}_{n}", f"{EDGES[2]}_{n}", f"{EDGES[3]}_{n}") for n in (1, 2))
BOTH_EDGES = (*SIDES[0], *SIDES[1])
NAMES = ("mid_1", "relationship", "mid_2")
RELATIONSHIP_FORM = PredictionForm(
    {
        "ImageID": "image_id",
        "LabelName1": "mid_1",
        "LabelName2": "mid_2",
        MARKED: "relationship",
        "Score": "score",
        **{
            f"{name}{n}": edge
            for n, side in enumerate(SIDES, 1)
            for name, edge in zip(PUBLISHED_EDGES, side, strict=True)
        },
    },
    ("mid_1", "mid_2"),
    ("relationship",),
    SIDES,
)
CODES = ("triple", "type", "code_1", "code_2")
TRUTH_SCHEMA = pa.schema(
    [("image", pa.uint64())] + [(name, pa.int64()) for name in CODES] + [(name, pa.float64()) for name in BOTH_EDGES]
)
CLAIM_SCHEMA = TRUTH_SCHEMA.append(pa.field("score", pa.float64())).append(pa.field("row", pa.int64()))


@dataclass(frozen=True)
class RelationshipEvaluation:
    """`types`: what connects, by number; `boxes`, `phrases`: by type; `recall`: of the first 50 of each image, NaN where no
    relationship is published."""

    types: list[str]
    boxes: ClassEvaluation
    phrases: ClassEvaluation
    recall: float

    def figures(self) -> tuple[float, float, float]:
        """Return the mean average precision of relationships, their recall, and that of phrases."""
        means = [mean_average(evaluation.averages) for evaluation in (self.boxes, self.phrases)]
        return means[0], self.recall, means[1]


@dataclass(frozen=True)
class RelationshipCodes:
    """The numbers of classes, of what connects two, and of all three together."""

    mids: CodeBook = field(default_factory=CodeBook)
    types: CodeBook = field(default_factory=CodeBook)
    triples: CodeBook = field(default_factory=CodeBook)

    def coded(self, batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
        """Return relationships with their numbers."""
        first, connection, second = (batch.column(name) for name in NAMES)
        triples = pc.binary_join_element_wise(first, connection, second, "\n")
        books = (self.triples, self.types, self.mids, self.mids)
        for name, book, texts in zip(CODES, books, (triples, connection, first, second), strict=True):
            batch = batch.append_column(name, pa.array(book.learn(texts)))
        return batch.select(schema.names)


def evaluate_relationships(predictions: PredictionFile, truth: PublishedTruth) -> RelationshipEvaluation:
    """Evaluate a file of predicted relationships; InputError at its first bad row, ConfigError without ground truth."""
    codes, fates = RelationshipCodes(), Counter[str]()
    with open_buckets(truth.count_rows(TABLE, "image_labels") + predictions.about_rows()) as buckets:
        published = truth.rows(TABLE, [*NAMES, *BOTH_EDGES])
        buckets.add("truth", TRUTH_SCHEMA, (codes.coded(batch, TRUTH_SCHEMA) for batch in published))
        claims = predictions.batches(RELATIONSHIP_FORM)
        buckets.add("claims", CLAIM_SCHEMA, (codes.coded(batch, CLAIM_SCHEMA) for batch in claims))
        buckets.add("labels", LABEL_SCHEMA, _named_labels(truth, codes.mids))
        types = len(codes.types)
        truths, parts = np.zeros(types), list[CountedRelationships]()
        for bucket in buckets.numbers():
            parts.append(_count_bucket(buckets, bucket, truths, fates))
    return join_relationships(codes.types.texts, parts, truths, fates)


def join_relationships(
    types: list[str], parts: list[CountedRelationships], truths: Doubles, fates: Counter[str]
) -> RelationshipEvaluation:
    """Return the figures of what counted in each bucket; `truths`: relationships that are there, by type."""
    early, every = sum(part.right_early for part in parts), float(truths.sum())
    return RelationshipEvaluation(
        types,
        join_parts([part.boxes for part in parts], truths, fates),
        join_parts([part.phrases for part in parts], truths, fates),
        early / every if every else float("nan"),
    )


def _count_bucket(buckets: ImageBuckets, bucket: int, truths: Doubles, fates: Counter[str]) -> CountedRelationships:
    """Return what counts of the predictions of some images; adds the relationships that are there to `truths`, by type."""
    rows, labels = buckets.read("claims", bucket), buckets.read("labels", bucket)
    there = _related_boxes(buckets.read("truth", bucket))
    truths += np.bincount(there.types, minlength=len(truths))
    verified = VerifiedClasses(*(labels[name].to_numpy() for name in LABEL_SCHEMA.names))
    counted = count_relationships(
        _related_boxes(rows), rows["score"].to_numpy(), rows["row"].to_numpy(), there, verified
    )
    count = len(counted.boxes.scores)
    fates.update({COUNTED: count, UNVERIFIED: len(rows) - count})
    return counted


def _named_labels(truth: PublishedTruth, mids: CodeBook) -> Iterator[pa.RecordBatch]:
    """Yield the verified labels of classes that a relationship names, as LABEL_SCHEMA."""
    for batch in truth.verified_labels():
        yield rows_with_code(batch, mids.look_up(batch.column("mid"))).select(LABEL_SCHEMA.names)


def _related_boxes(rows: pa.Table) -> RelatedBoxes:
    mids = np.stack([rows[name].to_numpy() for name in CODES[2:]], axis=1)
    images, triples, types = (rows[name].to_numpy() for name in ("image", *CODES[:2]))
    return RelatedBoxes(images, triples, types, mids, edge_matrix(rows, BOTH_EDGES))
