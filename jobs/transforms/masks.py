"""Rows of a file of segmentation masks to columns of the table `masks`."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from oilake.conf.registry import ExpectedMember, Release
from oilake.jobs.transforms import labels, mask_clicks, numbers
from oilake.jobs.transforms.boxes import COORDINATES
from oilake.jobs.transforms.normalized_batch import NormalizedBatch

AS_PUBLISHED = ("mask_path", "box_id")
TYPES = {
    "image_id": pa.string(),
    "mid": labels.DICTIONARY,
    **dict.fromkeys((*AS_PUBLISHED, "clicks"), pa.string()),
    **dict.fromkeys((*COORDINATES, "predicted_iou"), pa.float64()),
}


def normalize(raw: Mapping[str, pa.Array], expected: ExpectedMember, release: Release) -> NormalizedBatch:
    """Normalize `raw`: the published columns (see TYPES), each of shape (rows,); an empty IoU or list of clicks is NULL."""
    result = NormalizedBatch({name: raw[name] for name in AS_PUBLISHED})
    labels.add_ids_and_mids(result, raw, expected.member.ids)
    for name in COORDINATES:
        result.add(name, *numbers.to_doubles(raw[name]), "invalid_coordinate")
    result.add("predicted_iou", *numbers.to_doubles(raw["predicted_iou"]), "invalid_iou")
    result.add("clicks", *mask_clicks.read_clicks(raw["clicks"]), "invalid_clicks")
    return result
