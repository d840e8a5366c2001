"""Hugging Face: the rows and the features in the files' footers; the library itself where it is installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from tests.support.export_lake import KEPT_BOXES, LABELS, images
from tests.support.releases import DOG, image_id
from tests.support.view_lake import EDGES, FLAGS
from tests.unit.exporting.conftest import Export


def rows_of(out: Path, subset: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(out / "data" / f"{subset}-00000.parquet").to_pylist()
    return rows


def test_a_row_holds_all_of_an_image(export: Export, out: Path) -> None:
    counted = export("huggingface")
    assert (counted["images"], counted["boxes"]) == (len(images()), len(KEPT_BOXES))
    names = {edge: n for n, edge in enumerate(("x_min", "y_min", "x_max", "y_max"))}
    for subset in ("train", "validation"):
        mids = json.loads(pq.read_schema(out / "data" / f"{subset}-00000.parquet").metadata[b"oilake.mids"])
        for row in rows_of(out, subset):
            boxes = [box for box in KEPT_BOXES if (box["subset"], box["image_id"]) == (subset, row["image_id"])]
            objects = row["objects"]
            assert [mids[place] for place in objects["category"]] == [box["mid"] for box in boxes]
            assert objects["bbox"] == [[box[edge] for edge in sorted(EDGES, key=names.__getitem__)] for box in boxes]
            assert {flag: objects[flag] for flag in FLAGS} == {flag: [box[flag] for box in boxes] for flag in FLAGS}
            for verdict in ("positive", "negative"):
                said = [label for label in LABELS if (label["subset"], label["image_id"]) == (subset, row["image_id"])]
                expected = sorted(label["mid"] for label in said if label["verdict"] == verdict)
                assert row[f"{verdict}_mids"] == expected


def test_pictures_go_into_the_rows(export: Export, out: Path, blobs: Path) -> None:
    assert export("huggingface", "--blobs", str(blobs))["boxes"] == len(KEPT_BOXES)
    for subset in ("train", "validation"):
        for row in rows_of(out, subset):
            image = f"{row['image_id']}.jpg"
            assert row["image"] == {"bytes": (blobs / subset / image).read_bytes(), "path": image}
    assert "holds the bytes" in (out / "README.md").read_text()


def test_the_features_are_those_of_the_columns_and_no_name_is_doubled(export: Export, out: Path) -> None:
    export("huggingface", "--subset", "train")
    schema = pq.read_schema(out / "data" / "train-00000.parquet")
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert list(features) == schema.names
    assert features["image"] == {"_type": "Image"}
    names = features["objects"]["category"]["feature"]["names"]
    assert len(set(names)) == len(names) == 6
    card = (out / "README.md").read_text().split("---\n")[1]
    assert yaml.safe_load(card)["configs"][0]["data_files"] == [{"split": "train", "path": "data/train-*.parquet"}]


def test_datasets_loads_it(export: Export, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets", reason="install datasets to load the export by it")
    export("huggingface")
    loaded = datasets.load_dataset(str(out), cache_dir=str(tmp_path / "cache"))
    assert {split: len(rows) for split, rows in loaded.items()} == {"train": 3, "validation": 1}
    rows = loaded["validation"].cast_column("image", datasets.Image(decode=False))
    category = rows.features["objects"]["category"].feature
    assert [category.int2str(place) for place in rows[0]["objects"]["category"]] == ["Dog"]
    assert (rows[0]["image_id"], rows[0]["positive_mids"]) == (image_id(0, "validation"), [DOG])
