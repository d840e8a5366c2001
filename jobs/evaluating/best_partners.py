"""Which mark of the ground truth overlaps a detection most, and which detection takes it: numpy over all images at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from oilake.jobs.transforms.box_matching import NOBODY, Edges, box_areas, key_pairs, shared_areas
from oilake.jobs.transforms.label_keys import Doubles, Integers

Mask = npt.NDArray[np.bool_]
Overlap = Callable[[Integers, Integers], Doubles]


def best_partners(detection_keys: Integers, mark_keys: Integers, overlap: Overlap, least: float) -> Integers:
    """Find for each detection the mark of its own key that overlaps it most, the first of equal ones; shape (detections,).

    NOBODY where none reaches `least`. Keys are images and classes as numbers; those of marks ascend. `overlap` is given
    places of detections and of marks, side by side, and returns how far each pair overlaps, 0 to 1.
    """
    partners = np.full(len(detection_keys), NOBODY, np.int64)
    for detections, marks in key_pairs(detection_keys, mark_keys):
        overlaps = overlap(detections, marks)
        is_first = np.diff(detections, prepend=NOBODY) != 0
        owners, firsts = np.cumsum(is_first) - 1, np.flatnonzero(is_first)
        best = np.maximum.reduceat(overlaps, firsts) if len(firsts) else np.empty(0)
        best_places = np.flatnonzero(overlaps == best[owners])
        first_places = best_places[np.unique(owners[best_places], return_index=True)[1]]
        partners[detections[firsts]] = np.where(best >= least, marks[first_places], NOBODY)
    return partners


def image_keys(*parts: tuple[Integers, Integers]) -> list[Integers]:
    """Return image and code of each row as one number, of (images, codes from 0 on) of rows of several kinds; each of the
    shape of its part."""
    images = np.unique(np.concatenate([part_images for part_images, _ in parts]))
    codes = 1 + max(int(part_codes.max(initial=0)) for _, part_codes in parts)
    return [np.searchsorted(images, part_images) * codes + part_codes for part_images, part_codes in parts]


def first_claims(partners: Integers, ranks: Integers) -> Mask:
    """Tell which detections are the first by `ranks` of all that have their partner; never one without a partner."""
    claims = np.flatnonzero(partners != NOBODY)
    order = claims[np.lexsort((ranks[claims], partners[claims]))]
    is_first = np.zeros(len(partners), np.bool_)
    is_first[order[np.diff(partners[order], prepend=NOBODY) != 0]] = True
    return is_first


def score_ranks(scores: Doubles, rows: Integers) -> Integers:
    """Rank detections by falling score, equal ones by their rows in the file; shape (detections,)."""
    ranks = np.empty(len(scores), np.int64)
    ranks[np.lexsort((rows, -scores))] = np.arange(len(scores))
    return ranks


def own_shares(left: Edges, right: Edges) -> Doubles:
    """Return the intersection over the area of the left box of boxes side by side, shape (pairs,)."""
    shared, areas = shared_areas(left, right), box_areas(left)
    return np.divide(shared, areas, out=np.zeros_like(shared), where=areas > 0)
