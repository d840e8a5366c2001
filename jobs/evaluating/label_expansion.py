"""What boxes and labels say of classes above and below them: the ground truth before it is held against predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oilake.jobs.evaluating.best_partners import Mask
from oilake.jobs.evaluating.evaluated_classes import EvaluatedClasses
from oilake.jobs.evaluating.prediction_file import EDGES, edge_matrix
from oilake.jobs.transforms.box_matching import Edges
from oilake.jobs.transforms.label_keys import Integers


@dataclass(frozen=True)
class ExpandedTruth:
    """Some images with all that is said of them. `images`: distinct IDs as numbers, ascending; `classes`: their number.

    `keys` of marks ascend, beside them `rows` (the places of their boxes), `edges` (marks, 4) and `is_group_of`;
    `verified`: the keys that are evaluated at all, distinct, ascending. A key is the place of an image, times `classes`,
    plus the number of a class.
    """

    images: Integers
    classes: int
    keys: Integers
    rows: Integers
    edges: Edges
    is_group_of: Mask
    verified: Integers

    @property
    def codes(self) -> Integers:
        """The class of each mark."""
        return np.asarray(self.keys % self.classes)

    def keys_of(self, images: Integers, codes: Integers) -> tuple[Integers, Mask]:
        """Return (keys of images and classes, which of them are evaluated), each of shape (n,)."""
        places = np.searchsorted(self.images, images)
        is_here = places < len(self.images)
        is_here[is_here] = self.images[places[is_here]] == images[is_here]
        keys = places * self.classes + codes
        return keys, is_here & (codes >= 0) & np.isin(keys, self.verified)


def expand_truth(boxes: pa.Table, labels: pa.Table, classes: EvaluatedClasses) -> ExpandedTruth:
    """Repeat boxes and positive labels for every class above theirs, negative labels for every class below.

    `boxes`, `labels`: as of PublishedTruth. A class that is reached by two paths counts once.
    """
    images = np.unique(np.concatenate([boxes["image"].to_numpy(), labels["image"].to_numpy()]))
    box_codes = boxes["code"].to_numpy()
    places, above = classes.above(box_codes)
    rows = np.concatenate([np.arange(len(box_codes)), places])
    keys = _keys(images, boxes["image"].to_numpy()[rows], np.concatenate([box_codes, above]), len(classes))
    order = np.argsort(keys, kind="stable")
    rows, keys = rows[order], keys[order]
    is_group_of = boxes["is_group_of"].to_numpy()
    verified = np.unique(np.concatenate([keys, _label_keys(labels, images, classes)]))
    return ExpandedTruth(
        images, len(classes), keys, rows, edge_matrix(boxes, EDGES)[rows], np.asarray(is_group_of)[rows], verified
    )


def _label_keys(labels: pa.Table, images: Integers, classes: EvaluatedClasses) -> Integers:
    parts = []
    for is_positive, implied in ((True, classes.above), (False, classes.below)):
        chosen = labels.filter(pc.equal(labels["is_positive"], is_positive))
        image_numbers, codes = chosen["image"].to_numpy(), chosen["code"].to_numpy()
        places, implied_codes = implied(codes)
        parts += [
            _keys(images, image_numbers, codes, len(classes)),
            _keys(images, image_numbers[places], implied_codes, len(classes)),
        ]
    return np.concatenate(parts)


def _keys(images: Integers, image_numbers: Integers, codes: Integers, classes: int) -> Integers:
    return np.asarray(np.searchsorted(images, image_numbers) * classes + codes)
