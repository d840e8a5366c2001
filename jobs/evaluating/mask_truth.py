"""The published masks: which box each belongs to."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from oilake.jobs.evaluating.best_partners import best_partners, first_claims, image_keys
from oilake.jobs.evaluating.prediction_file import EDGES, edge_matrix
from oilake.jobs.transforms.box_matching import NOBODY, box_ious

# From which overlap on a mask's box is a published one: they are the same but for the digits that are printed.
SAME_BOX = 0.95


def mask_marks(boxes: pa.Table, masks: pa.Table) -> pa.Table:
    """Return one row a mark: masks with the group flag of their box, and the boxes that have none, `mask_path` NULL.

    Both have `image`, `code` and edges; boxes `is_group_of`, masks `mask_path`.
    """
    keys, mask_keys = image_keys(*((part["image"].to_numpy(), part["code"].to_numpy()) for part in (boxes, masks)))
    order = np.argsort(keys, kind="stable")
    edges, mask_edges = edge_matrix(boxes)[order], edge_matrix(masks)
    partners = best_partners(
        mask_keys, keys[order], lambda left, right: box_ious(mask_edges[left], edges[right]), SAME_BOX
    )
    partners[~first_claims(partners, np.arange(len(partners)))] = NOBODY
    partner_boxes = np.append(order, NOBODY)[partners]
    has_box = partner_boxes != NOBODY
    is_group_of = np.append(boxes["is_group_of"].to_numpy(), False)[partner_boxes] & has_box
    is_bare = np.ones(len(boxes), np.bool_)
    is_bare[partner_boxes[has_box]] = False
    bare = boxes.filter(pa.array(is_bare))
    names = ["image", "code", *EDGES, "is_group_of", "mask_path"]
    masked = masks.append_column("is_group_of", pa.array(is_group_of, pa.bool_())).select(names)
    return pa.concat_tables([masked, bare.append_column("mask_path", pa.nulls(len(bare), pa.string())).select(names)])
