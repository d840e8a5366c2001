"""Real PNGs for the masks of a sample, in sixteen zips a subset as they are published, and what is wrong with a few.

`truth/masks.csv` tells every PNG: the zip in which it lies or belongs, its fault, its size, and the pixels of its object. A
fault is `missing`, `unlisted` (a member that no row names), `broken` (the PNG ends early), `wrong_crc`, `outside` (of its
box) or `blank`.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np
import numpy.typing as npt
from PIL import Image

from oilake.conf.mask_archives import DIGIT, HEX

TRUTH = ("subset", "mask_path", "archive", "fault", "width", "height", "pixels")
FAULTS = ("missing", "unlisted", "broken", "wrong_crc", "outside", "blank")
EVERY, AT = 20, 7
SIDES = (64, 160)
# A box that comes so near to all edges of the image leaves no room outside.
ROOM = 0.1
COLOURS = ("1", "RGB", "L")
LOCAL_HEADER = 30

Pixels = npt.NDArray[np.bool_]
TruthRow = tuple[str, str, str, str, int, int, int]


class PaintedBox(NamedTuple):
    """The box of a mask's row, in fractions of the image."""

    x_min: float
    x_max: float
    y_min: float
    y_max: float


class DrawnMask(NamedTuple):
    """One PNG: its name, its bytes, its fault, and the pixels of its object."""

    name: str
    data: bytes
    fault: str
    pixels: Pixels


def write_archives(out: Path, folder: Path, subset: str, pattern: str, rows: Path, seed: int) -> list[TruthRow]:
    """Writes the zips of a subset to their published paths under `out`; the truth about them.

    `pattern`: the path with `{digit}` in it; `rows`: the subset's file of masks; `folder`: for unfinished files.
    """
    names = {digit: pattern.replace(DIGIT, digit) for digit in HEX}
    unfinished = {digit: folder / f"masks-{subset}-{digit}.zip" for digit in HEX}
    truth, flipped = list[TruthRow](), list[tuple[str, str]]()
    with ExitStack() as stack:
        opened = {digit: stack.enter_context(ZipFile(path, "w", ZIP_STORED)) for digit, path in unfinished.items()}
        for mask in _draw_masks(rows, seed):
            digit = mask.name[0]
            height, width = mask.pixels.shape
            truth.append((subset, mask.name, names[digit], mask.fault, width, height, int(mask.pixels.sum())))
            if mask.fault != "missing":
                opened[digit].writestr(ZipInfo(mask.name), mask.data)
            if mask.fault == "wrong_crc":
                flipped.append((digit, mask.name))
    for digit, name in flipped:
        _flip_last_byte(unfinished[digit], name)
    for digit, name in names.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(unfinished[digit], out / name)
    return truth


def _draw_masks(rows: Path, seed: int) -> Iterator[DrawnMask]:
    """The PNG of each row, in the order of the file, and those that no row names."""
    with open(rows, newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.DictReader(file)):
            rng = np.random.default_rng([seed, 11, int(row["ImageID"], 16), int(row["BoxID"], 16)])
            box = PaintedBox(*(float(row[f"Box{side}"]) for side in ("XMin", "XMax", "YMin", "YMax")))
            fault = _fault_of(number, box)
            colours = COLOURS[number % len(COLOURS)]
            pixels = draw_object(rng, box, fault)
            data = encode_png(pixels, colours)
            yield DrawnMask(
                row["MaskPath"],
                data[: len(data) // 2] if fault == "broken" else data,
                "" if fault == "unlisted" else fault,
                pixels,
            )
            if fault == "unlisted":
                yield DrawnMask(f"{row['ImageID']}_m0unlisted_{row['BoxID']}.png", data, fault, pixels)


def _fault_of(number: int, box: PaintedBox) -> str:
    """What is wrong with the number-th mask of a subset; empty where nothing is."""
    if number % EVERY != AT:
        return ""
    fault = FAULTS[number // EVERY % len(FAULTS)]
    return "blank" if fault == "outside" and max(_gaps(box)) <= ROOM else fault


def _gaps(box: PaintedBox) -> tuple[float, float, float, float]:
    """What lies left, right, above and below of the box, as fractions."""
    return box.x_min, 1 - box.x_max, box.y_min, 1 - box.y_max


def draw_object(rng: np.random.Generator, box: PaintedBox, fault: str = "") -> Pixels:
    """An ellipse or a diamond that fills the box, shape (height, width); with `outside` an edge of the image as well."""
    width, height = rng.integers(*SIDES, 2).tolist()
    if fault == "blank":
        return np.zeros((height, width), np.bool_)
    x, y = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
    centre_x, centre_y = (box.x_min + box.x_max) / 2, (box.y_min + box.y_max) / 2
    far_x = np.abs(x - centre_x) / max((box.x_max - box.x_min) / 2, 1e-9)
    far_y = np.abs(y - centre_y) / max((box.y_max - box.y_min) / 2, 1e-9)
    power = 2 if rng.random() < 0.5 else 1
    pixels: Pixels = far_x[None, :] ** power + far_y[:, None] ** power <= 1
    if not pixels.any():  # a box between two pixels' centres
        pixels[np.abs(y - centre_y).argmin(), np.abs(x - centre_x).argmin()] = True
    if fault == "outside":
        edges = ((slice(None), 0), (slice(None), -1), (0, slice(None)), (-1, slice(None)))
        pixels[edges[int(np.argmax(_gaps(box)))]] = True
    return pixels


def encode_png(pixels: Pixels, colours: str) -> bytes:
    """Black and white as a PNG of one bit, of grey, or of three channels."""
    out = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8) * 255).convert(colours).save(out, "PNG")
    return out.getvalue()


def _flip_last_byte(path: Path, name: str) -> None:
    """Changes a member's bytes and leaves the CRC that the zip tells of them."""
    with ZipFile(path) as archive:
        info = archive.getinfo(name)
    with open(path, "r+b") as file:
        file.seek(info.header_offset + LOCAL_HEADER + len(name) + info.compress_size - 1)
        last = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([last[0] ^ 0xFF]))
