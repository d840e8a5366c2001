"""Which predicted relationships and phrases are right, wrong or not counted; pure functions of arrays of some images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from oilake.jobs.evaluating.best_partners import (
    Mask,
    best_partners,
    first_claims,
    image_keys,
    score_ranks,
)
from oilake.jobs.evaluating.truth_matching import LEAST_OVERLAP, CountedDetections
from oilake.jobs.transforms.box_matching import Edges, box_ious
from oilake.jobs.transforms.label_keys import Doubles, Integers

FIRST, SECOND = slice(0, 4), slice(4, 8)
RECALL_DEPTH = 50


@dataclass(frozen=True)
class RelatedBoxes:
    """Relationships of some images, each of shape (n,). `triples`: both classes and what connects them, as one number;
    `types`: what connects them; `mids`: both classes, (n, 2); `edges`: of both boxes, (n, 8)."""

    images: Integers
    triples: Integers
    types: Integers
    mids: Integers
    edges: Edges

    def take(self, places: Integers | Mask) -> RelatedBoxes:
        """Return some of them."""
        numbers = (self.images[places], self.triples[places], self.types[places])
        return RelatedBoxes(*numbers, self.mids[places], self.edges[places])


class VerifiedClasses(NamedTuple):
    """Verified labels of some images, each of shape (n,)."""

    images: Integers
    mids: Integers
    is_positive: Mask


class CountedRelationships(NamedTuple):
    """What counts, by type in place of keys: as two boxes, and as a phrase around both. `right_early`: how many of the first
    RECALL_DEPTH of each image are right, as boxes."""

    boxes: CountedDetections
    phrases: CountedDetections
    right_early: int


def count_relationships(
    claims: RelatedBoxes, scores: Doubles, rows: Integers, truth: RelatedBoxes, labels: VerifiedClasses
) -> CountedRelationships:
    """Return what counts of predictions: those whose classes are both annotated on the image, or one of them denied."""
    is_judged = are_judged(claims, truth, labels)
    claims, scores, rows = claims.take(is_judged), scores[is_judged], rows[is_judged]
    keys, truth_keys = image_keys((claims.images, claims.triples), (truth.images, truth.triples))
    order = np.argsort(truth_keys, kind="stable")
    truth, truth_keys = truth.take(order), truth_keys[order]
    ranks = score_ranks(scores, rows)

    def least_share(left: Integers, right: Integers) -> Doubles:
        shares = [box_ious(claims.edges[left, box], truth.edges[right, box]) for box in (FIRST, SECOND)]
        return np.minimum(*shares)

    def phrase_share(left: Integers, right: Integers) -> Doubles:
        return box_ious(enclosing_boxes(claims.edges[left]), enclosing_boxes(truth.edges[right]))

    right_boxes, right_phrases = (
        first_claims(best_partners(keys, truth_keys, share, LEAST_OVERLAP), ranks)
        for share in (least_share, phrase_share)
    )
    boxes, phrases = (
        CountedDetections(claims.types, scores, rows, is_right.astype(np.float64))
        for is_right in (right_boxes, right_phrases)
    )
    is_early = image_places(claims.images, ranks) < RECALL_DEPTH
    return CountedRelationships(boxes, phrases, int(np.count_nonzero(right_boxes & is_early)))


def are_judged(claims: RelatedBoxes, truth: RelatedBoxes, labels: VerifiedClasses) -> Mask:
    """Tell which predictions count at all; shape (claims,). A class that a relationship names is not denied."""
    named, verified, *sides = image_keys(
        (np.repeat(truth.images, 2), truth.mids.reshape(-1)),
        (labels.images, labels.mids),
        *((claims.images, claims.mids[:, side]) for side in (0, 1)),
    )
    denied = np.setdiff1d(verified[~labels.is_positive], np.append(named, verified[labels.is_positive]))
    annotated = np.append(named, verified)
    are_annotated, are_denied = ([np.isin(side, keys) for side in sides] for keys in (annotated, denied))
    return np.asarray((are_annotated[0] & are_annotated[1]) | are_denied[0] | are_denied[1])


def enclosing_boxes(edges: Edges) -> Edges:
    """Return the smallest box around both of each relationship, shape (n, 4)."""
    least, greatest = (side(edges[:, FIRST], edges[:, SECOND]) for side in (np.minimum, np.maximum))
    return np.stack([least[:, 0], greatest[:, 1], least[:, 2], greatest[:, 3]], axis=1)


def image_places(images: Integers, ranks: Integers) -> Integers:
    """Return the place of each prediction among those of its image, by `ranks`; shape (n,)."""
    order = np.lexsort((ranks, images))
    ordered = images[order]
    places = np.empty(len(images), np.int64)
    places[order] = np.arange(len(images)) - np.searchsorted(ordered, ordered)
    return places
