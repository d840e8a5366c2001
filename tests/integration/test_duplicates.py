"""One photo under several IDs is found, counted once a photo, and told apart by subset."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from oilake.conf import registry
from oilake.conf.errors import ConfigError
from oilake.conf.settings import Settings
from oilake.jobs.duplicates import count_leakage, duplicates
from oilake.jobs.ingest import ingest
from oilake.jobs.tables.published_slices import published_slices
from oilake.jobs.tables.snapshots import require_snapshot
from oilake.jobs.tables.warehouse import Warehouse
from tests.support import table_readers
from tests.support.releases import IMAGE_HEADER, TAG, URL, image_id, image_row, land, lines

OTHERS = ["XUFAKrxLKna5cZ2REBfFkg==", "fSQjhrhN9FkRxQcVkEIpkg=="]


def row(image: str, subset: str, md5: str) -> str:
    return ",".join([*image_row(image, subset).split(",")[:-2], md5, f"{URL}/thumbnail"])


def test_a_release_is_looked_through_once(tmp_path: Path, warehouse: str, spark: SparkSession, settings: Settings):
    same, other = OTHERS
    members = {
        f"{TAG}/train/images.csv": lines(
            IMAGE_HEADER, *(row(image_id(n), "train", md5) for n, md5 in enumerate([same, same, other, ""]))
        ),
        f"{TAG}/validation/images.csv": lines(IMAGE_HEADER, row(image_id(0, "validation"), "validation", other)),
        f"{TAG}/test/images.csv": lines(IMAGE_HEADER, row(image_id(0, "test"), "test", "")),
    }
    mine = replace(settings, landing=str(land(tmp_path, members)), warehouse=warehouse)
    with pytest.raises(ConfigError, match="not published"):
        duplicates(mine, "v3")
    ingest(mine, registry.find_release("v3"))
    with pytest.raises(ConfigError, match="oilake duplicates --release v3"):
        published_slices(Warehouse.at(warehouse), "duplicate_images", "v3")
    found = duplicates(mine, "v3")
    assert (found.images, found.photos, found.across_subsets) == (4, 2, 1)
    assert found.by_subsets == {"train": 1, "train, validation": 1}
    assert {(r["image_id"], r["copies"]) for r in table_readers.rows(warehouse, "duplicate_images")} == {
        (image_id(0), 2),
        (image_id(1), 2),
        (image_id(2), 2),
        (image_id(0, "validation"), 2),
    }
    assert found.changed
    assert not duplicates(mine, "v3").changed
    assert duplicates(mine, "v3", force=True).changed
    assert count_leakage(Warehouse.at(warehouse), require_snapshot(Warehouse.at(warehouse), "v3")).images == 4
