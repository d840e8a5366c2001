"""WebDataset shards hold the bytes of every image and what the tables say of it, as the package webdataset reads them."""

from __future__ import annotations

import csv
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from oilake.jobs.exporting import webdataset_format
from tests.support.export_lake import KEPT_BOXES, images
from tests.support.releases import DOG, image_id
from tests.unit.exporting.conftest import Export


def test_each_image_is_a_sample(export: Export, out: Path, blobs: Path) -> None:
    assert export("webdataset", "--blobs", str(blobs))["images"] == len(images())
    with tarfile.open(out / "train-000000.tar") as archive:
        members = {info.name: archive.extractfile(info).read() for info in archive}  # type: ignore[union-attr]
    assert [name for name in members if name.endswith(".jpg")] == [f"{image_id(n)}.jpg" for n in range(3)]
    assert members[f"{image_id(1)}.jpg"] == (blobs / "train" / f"{image_id(1)}.jpg").read_bytes()
    told = json.loads(members[f"{image_id(0)}.json"])
    assert (told["rotation"], told["positive_mids"]) == (90, ["/m/0bt9lr", "/m/0jbk"])
    boxes = [box for box in KEPT_BOXES if (box["subset"], box["image_id"]) == ("train", image_id(0))]
    assert len(told["objects"]["bbox"]) == len(boxes)
    assert None in told["objects"]["is_truncated"]
    assert told["original_url"] == images()[0]["original_url"]


def test_a_class_is_told_where_it_is_one(export: Export, out: Path, blobs: Path) -> None:
    export("webdataset", "--blobs", str(blobs))
    with (out / "classes.csv").open() as stream:
        mids = {row["number"]: row["mid"] for row in csv.DictReader(stream)}
    with tarfile.open(out / "validation-000000.tar") as archive:
        (name,) = [name for name in archive.getnames() if name.endswith(".cls")]
        assert mids[archive.extractfile(name).read().decode()] == DOG  # type: ignore[union-attr]
    with tarfile.open(out / "train-000000.tar") as archive:
        assert f"{image_id(0)}.cls" not in archive.getnames()


def test_a_shard_has_a_size(export: Export, out: Path, blobs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webdataset_format, "SHARD_BYTES", 2 * (blobs / "train" / f"{image_id(0)}.jpg").stat().st_size)
    assert export("webdataset", "--blobs", str(blobs), "--subset", "train")["shards"] == 3
    assert sorted(path.name for path in out.glob("*.tar")) == [f"train-{n:06}.tar" for n in range(3)]


def test_pictures_are_needed(refused: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> None:
    assert "by --blobs" in refused("webdataset")
    assert "download the images first" in refused("webdataset", "--blobs", str(tmp_path_factory.mktemp("none")))


def test_the_package_webdataset_reads_it(export: Export, out: Path, blobs: Path) -> None:
    webdataset = pytest.importorskip("webdataset", reason="install the extra export-tests to read by webdataset")
    export("webdataset", "--blobs", str(blobs), "--subset", "train")
    samples: list[dict[str, Any]] = list(webdataset.WebDataset(str(out / "train-000000.tar"), shardshuffle=False))
    assert [sample["__key__"] for sample in samples] == [image_id(n) for n in range(3)]
    for sample in samples:
        assert Image.open(io.BytesIO(sample["jpg"])).size == (8, 6)
        assert json.loads(sample["json"])["image_id"] == sample["__key__"]
