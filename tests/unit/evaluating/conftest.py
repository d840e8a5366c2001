"""A published release whose validation subset is example A with classes of a tree: made without Spark."""

from __future__ import annotations

from pathlib import Path

import pytest

from oilake.jobs.tables.snapshots import INGEST
from tests.support.releases import CAT, DOG, TREE, image_id
from tests.support.view_lake import Row, box, class_rows, image, label, make_tables, publish_rows

SUBSET = "validation"


def edges(x_min: float, x_max: float, y_min: float, y_max: float) -> dict[str, float]:
    return {"x_min": x_min, "x_max": x_max, "y_min": y_min, "y_max": y_max}


def truth_box(n: int, mid: str, **values: object) -> Row:
    return box("v7", n, mid, subset=SUBSET, image_id=image_id(n, SUBSET), **values)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Image 1: a cat, and people deny that there is a dog; image 2: a group of dogs; image 3: nothing was asked."""
    place = tmp_path_factory.mktemp("evaluate") / "lake"
    make_tables(str(place))
    boxes = [
        truth_box(1, CAT, **edges(0.1, 0.5, 0.1, 0.5)),
        truth_box(2, DOG, **edges(0.0, 1.0, 0.0, 1.0), is_group_of=True),
        box("v7", 1, DOG),
    ]
    labels = [
        label("v7", 1, CAT, "positive", SUBSET),
        label("v7", 1, DOG, "negative", SUBSET),
        label("v7", 2, DOG, "positive", SUBSET),
        label("v7", 3, DOG, "unverified", SUBSET),
    ]
    sides = {f"{edge}_1": value for edge, value in edges(0.0, 1.0, 0.0, 1.0).items()}
    sides |= {f"{edge}_2": value for edge, value in edges(0.2, 0.4, 0.2, 0.4).items()}
    place_1 = {"release": "v7", "subset": SUBSET, "image_id": image_id(1, SUBSET), **sides, "mid_1": CAT}
    relationships = [
        {**place_1, "relationship": "on", "mid_2": TREE, "is_attribute": False},
        {**place_1, "relationship": "is", "mid_2": "/m/05z87", "is_attribute": True},
    ]
    masks = [
        {
            **truth_box(1, CAT, **edges(0.1, 0.5, 0.1, 0.5)),
            "mask_path": f"{image_id(1, SUBSET)}_cat.png",
            "box_id": "0000000a",
        }
    ]
    images = [image("v7", n, SUBSET) for n in range(1, 4)]
    rows = {"images": images, "boxes": boxes, "relationships": relationships, "masks": masks, **class_rows("v7")}
    publish_rows(str(place), "v7", INGEST, rows)
    publish_rows(str(place), "v7", "reconcile", {"image_labels": labels})
    return place
