"""TFRecords: read by a reader of our own that checks every checksum, and by the package tfrecord where it is installed."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from oilake.jobs.exporting.crc32c import _crc_in_lanes, crc32c, masked_crcs
from tests.support.export_lake import KEPT_BOXES, LABELS, NAMES, images
from tests.support.releases import image_id
from tests.support.view_lake import EDGES, FLAGS
from tests.unit.exporting.conftest import Export


def slow_crc(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x82F63B78 * (crc & 1)
    return crc ^ 0xFFFFFFFF


def messages(path: Path) -> Iterator[bytes]:
    data, place = path.read_bytes(), 0
    while place < len(data):
        (length,) = struct.unpack_from("<Q", data, place)
        message = data[place + 12 : place + 12 + length]
        for part, at in ((data[place : place + 8], place + 8), (message, place + 12 + length)):
            crc = slow_crc(part)
            assert struct.unpack_from("<I", data, at)[0] == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
        yield message
        place += length + 16


def varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 0x80:
            return value, at


def fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        assert tag & 7 == 2
        length, at = varint(data, at)
        yield tag >> 3, data[at : at + length]
        at += length


def values(feature: bytes) -> list[Any]:
    ((kind, content),) = fields(feature)
    parts = [part for _, part in fields(content)]
    if kind == 1:
        return parts
    if kind == 2:
        return list(struct.unpack(f"<{len(parts[0]) // 4}f", parts[0]))
    numbers, at = [], 0
    while at < len(parts[0]):
        number, at = varint(parts[0], at)
        numbers.append(number - (1 << 64) if number >> 63 else number)
    return numbers


def example(message: bytes) -> dict[str, list[Any]]:
    ((_, features),) = fields(message)
    return {dict(fields(entry))[1].decode(): values(dict(fields(entry))[2]) for _, entry in fields(features)}


@pytest.mark.parametrize("length", [8, 9, 63, 64, 65, 127, 128, 129, 1000, 4096, 70_001])
def test_the_checksum_is_that_of_one_bit_after_another(length: int) -> None:
    data = bytes(n * n % 251 for n in range(length))
    assert crc32c(data) == _crc_in_lanes(data) == slow_crc(data)


def test_checksums_of_many_texts_are_those_of_each() -> None:
    texts = [bytes(n * n % 251 for n in range(length)) for length in (0, 3, 4, 5, 70_001, 8, 8, 1000, 999, 31, 4)]
    crcs = [slow_crc(text) for text in texts]
    assert masked_crcs(texts).tolist() == [((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF for crc in crcs]


def test_the_checksum_of_the_standard_is_met() -> None:
    assert (crc32c(b"123456789"), crc32c(bytes(32))) == (0xE3069283, 0x8A9136AA)


@pytest.mark.lengthy
def test_records_hold_what_the_tables_hold(export: Export, out: Path) -> None:
    assert export("tfrecord")["images"] == len(images())
    label_map = (out / "label_map.pbtxt").read_text()
    mids = [line.split('"')[1] for line in label_map.splitlines() if line.startswith("  name:")]
    assert label_map.count("display_name: ") == len(mids) == len(NAMES) - 1
    for subset in ("train", "validation"):
        for read in map(example, messages(out / f"{subset}-00000.tfrecord")):
            image = read["image/source_id"][0].decode()
            boxes = [box for box in KEPT_BOXES if (box["subset"], box["image_id"]) == (subset, image)]
            assert read["image/filename"] == [f"{subset}/{image}.jpg".encode()]
            assert read["image/object/class/text"] == [box["mid"].encode() for box in boxes]
            assert [mids[n - 1] for n in read["image/object/class/label"]] == [box["mid"] for box in boxes]
            for edge in EDGES:
                key = f"image/object/bbox/{edge.replace('_', '')}"
                assert read[key] == pytest.approx([box[edge] for box in boxes], abs=1e-7)
            for flag in FLAGS:
                known = [-1 if box[flag] is None else int(box[flag]) for box in boxes]
                assert read[f"image/object/{flag[3:]}"] == known
            said = [label for label in LABELS if (label["subset"], label["image_id"]) == (subset, image)]
            verdicts = {label["mid"].encode(): float(label["verdict"] == "positive") for label in said}
            decided = {label["mid"].encode() for label in said if label["verdict"] != "unverified"}
            assert dict(zip(read["image/class/text"], read["image/class/confidence"], strict=True)) == {
                mid: verdicts[mid] for mid in decided
            }


@pytest.mark.lengthy
def test_pictures_go_along_where_they_are(
    export: Export, out: Path, tmp_path_factory: pytest.TempPathFactory, refused: Callable[..., str]
) -> None:
    pictures = tmp_path_factory.mktemp("pictures")
    (pictures / "validation").mkdir()
    picture = bytes(range(256)) * 400
    (pictures / "validation" / f"{image_id(0, 'validation')}.jpg").write_bytes(picture)
    export("tfrecord", "--subset", "validation", "--blobs", str(pictures))
    (message,) = messages(out / "validation-00000.tfrecord")
    assert example(message)["image/encoded"] == [picture]
    assert "download the images first" in refused("tfrecord", "--blobs", str(pictures))
    assert "coco holds no pictures" in refused("coco", "--blobs", str(pictures))


def test_the_package_tfrecord_reads_it(export: Export, out: Path) -> None:
    reader = pytest.importorskip("tfrecord.reader", reason="install the extra export-tests to read by tfrecord")
    export("tfrecord", "--subset", "train")
    kinds = {"image/source_id": "byte", "image/object/class/label": "int", "image/object/bbox/xmin": "float"}
    rows = list(reader.tfrecord_loader(str(out / "train-00000.tfrecord"), None, kinds))
    assert [bytes(row["image/source_id"]).decode() for row in rows] == [image_id(n) for n in range(3)]
    assert [len(row["image/object/class/label"]) for row in rows] == [2, 2, 0]
