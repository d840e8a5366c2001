"""Zips of masks and the rows that name them, made by hand; and an independent reading of both."""

from __future__ import annotations

import csv
import io
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from oilake.conf.mask_rules import load_mask_rules
from oilake.schemas import loader as schemas

IMAGE = "a000000000000001"
SIDES = ("XMin", "XMax", "YMin", "YMax")
STATUSES = {
    "": "verified", "missing": "missing", "unlisted": "extra", "broken": "unreadable", "wrong_crc": "unreadable",
    "outside": "outside_box", "blank": "blank",
}  # fmt: skip
BOX = {"x_min": 0.25, "x_max": 0.75, "y_min": 0.25, "y_max": 0.75}


def mask_name(box_id: str, image: str = IMAGE) -> str:
    return f"{image}_m01_{box_id}.png"


def mask_row(box_id: str, image: str = IMAGE, **columns: Any) -> dict[str, Any]:
    """A row of `masks` of one box in the middle of its image."""
    named = {"image_id": image, "mid": "/m/01", "mask_path": mask_name(box_id, image), "box_id": box_id}
    return {**named, **BOX, "predicted_iou": None, "clicks": None, **columns}


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> str:
    """The rows as a Parquet file of `masks`; its path."""
    schema = schemas.arrow_schema(schemas.table_schema("masks"))
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema=schema), path)
    return str(path)


def square(left: int = 25, right: int = 75, top: int = 25, bottom: int = 75, side: int = 100) -> np.ndarray[Any, Any]:
    """A filled rectangle of a picture of side x side pixels; edges are counted from 0."""
    pixels = np.zeros((side, side), np.uint8)
    pixels[top:bottom, left:right] = 255
    return pixels


def png(pixels: np.ndarray[Any, Any], mode: str = "L") -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(out, "PNG")
    return out.getvalue()


def bare_png(width: int, height: int) -> bytes:
    """A PNG whose header claims a size that its few bytes do not hold."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0")),
        (b"IEND", b""),
    ]
    parts = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def write_zip(path: Path, members: Iterable[tuple[str, bytes]], packed: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, archive.compression)
    return path


def flip_byte(path: Path, name: str) -> None:
    """Changes the first byte of a member's data and leaves its CRC."""
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(name)
    data = bytearray(path.read_bytes())
    data[info.header_offset + 30 + len(name)] ^= 0xFF
    path.write_bytes(bytes(data))


def independent_checks(rows: Path, zips: Iterable[Path]) -> dict[str, tuple[Any, ...]]:
    """(status, width, height, share of the object) by name, read with zipfile, Pillow and plain loops alone.

    `rows`: a published CSV of masks.
    """
    rules = load_mask_rules()
    pictures: dict[str, tuple[int, int, list[tuple[int, int]]] | None] = {}
    for path in zips:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                try:
                    image = Image.open(io.BytesIO(archive.read(name))).convert("L")
                    on = [divmod(n, image.width)[::-1] for n, grey in enumerate(image.tobytes()) if grey > 122]
                    pictures[name] = image.width, image.height, on
                except (zipfile.BadZipFile, OSError, SyntaxError):
                    pictures[name] = None
    checks: dict[str, tuple[Any, ...]] = {}
    with open(rows, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            name = row["MaskPath"]
            box = {side: float(row[f"Box{side}"]) for side in SIDES}
            checks[name] = _check(name, box, pictures, rules.box_tolerance)
    return {**dict.fromkeys(pictures, ("extra", None, None, None)), **checks}


def _check(name: str, box: dict[str, float], pictures: Mapping[str, Any], tolerance: float) -> tuple[Any, ...]:
    if name not in pictures:
        return "missing", None, None, None
    if pictures[name] is None:
        return "unreadable", None, None, None
    width, height, on = pictures[name]
    outside = [
        (x, y)
        for x, y in on
        if not box["XMin"] - tolerance <= (x + 0.5) / width <= box["XMax"] + tolerance
        or not box["YMin"] - tolerance <= (y + 0.5) / height <= box["YMax"] + tolerance
    ]
    status = "blank" if not on else "outside_box" if outside else "verified"
    return status, width, height, len(on) / (width * height)


def published_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a published CSV of masks, as rows of the table."""
    with open(path, newline="", encoding="utf-8") as file:
        return [
            {
                "image_id": row["ImageID"],
                "mid": row["LabelName"],
                "mask_path": row["MaskPath"],
                "box_id": row["BoxID"],
                **{column: float(row[f"Box{side}"]) for column, side in zip(BOX, SIDES, strict=True)},
            }
            for row in csv.DictReader(file)
        ]
