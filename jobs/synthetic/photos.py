"""Real JPEGs for the first images of a sample, some of them lying on their side, and what is wrong with a few at rest."""

from __future__ import annotations

import base64
import hashlib
import io
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.Image import Transpose

from oilake.jobs.synthetic.photo_scenes import SceneObject, draw_scene

FOLDER = "photos"
LIST = "photos.txt"
COUNTS = {"train": 200, "validation": 50, "test": 50}
TRUTH = ("subset", "image_id", "url", "thumbnail_url", "bytes", "md5", "orientation", "fault")
FAULTS = ("missing", "placeholder", "changed", "truncated", "empty")
EVERY, AT = 20, 7
ORIENTATION = 0x0112
SIDES = (240, 400)
ON_THEIR_SIDE = 0.2
# What brings an upright scene into the pixels that a file of this Exif orientation stores.
AS_STORED = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_90,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_270,
}


@dataclass(frozen=True)
class SamplePhoto:
    """One image's original: its bytes, whose size and MD5 stand in images.csv, and its EXIF orientation, 1 to 8."""

    image_id: str
    data: bytes
    orientation: int

    @property
    def checksums(self) -> str:
        """OriginalSize and OriginalMD5 as they stand in images.csv."""
        return f"{len(self.data)},{base64.b64encode(hashlib.md5(self.data, usedforsecurity=False).digest()).decode()}"


def make_photos(seed: int, ids: Sequence[str], objects: Sequence[Sequence[SceneObject]]) -> list[SamplePhoto]:
    """The photos of images and what stands in each; the same seed, ID and objects give the same bytes."""
    return [_make_photo(seed, image, image_objects) for image, image_objects in zip(ids, objects, strict=True)]


def _make_photo(seed: int, image: str, objects: Sequence[SceneObject]) -> SamplePhoto:
    """A photo that shows its objects upright once it is turned as its Exif asks."""
    rng = np.random.default_rng([seed, 10, int(image, 16)])
    width, height = rng.integers(*SIDES, 2).tolist()
    ground = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    orientation = int(rng.integers(2, 9)) if rng.random() < ON_THEIR_SIDE else 1
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    out = io.BytesIO()
    scene = draw_scene(ground, (width, height), objects)
    stored = scene if orientation == 1 else scene.transpose(AS_STORED[orientation])
    stored.save(out, "JPEG", quality=85, exif=exif)
    return SamplePhoto(image, out.getvalue(), orientation)


def placeholder_png() -> bytes:
    """The picture that stands where a photo is gone."""
    out = io.BytesIO()
    Image.new("L", (200, 150), 230).save(out, "PNG")
    return out.getvalue()


def fault_of(number: int) -> str:
    """What is wrong with the number-th photo of a subset; empty where nothing is."""
    return FAULTS[number // EVERY % len(FAULTS)] if number % EVERY == AT else ""


def at_rest(photo: SamplePhoto, fault: str) -> bytes | None:
    """The bytes that the sample's folder holds; None where it holds none."""
    damaged = {
        "missing": None,
        "placeholder": placeholder_png(),
        "changed": photo.data[:-100] + bytes(byte ^ 255 for byte in photo.data[-100:-2]) + photo.data[-2:],
        "truncated": photo.data[: len(photo.data) // 2],
        "empty": b"",
    }
    return damaged[fault] if fault else photo.data


def write_photos(
    out: Path, subset: str, photos: Sequence[SamplePhoto], details: Sequence[str]
) -> list[tuple[object, ...]]:
    """Writes the photos of a subset to <out>/photos/<subset>, faults included; the rows of the truth (see TRUTH).

    `details`: the photos' lines of images.csv from OriginalURL on.
    """
    folder = out / FOLDER / subset
    folder.mkdir(parents=True)
    rows: list[tuple[object, ...]] = []
    for number, (photo, line) in enumerate(zip(photos, details, strict=True)):
        data = at_rest(photo, fault_of(number))
        if data is not None:
            (folder / f"{photo.image_id}.jpg").write_bytes(data)
        url, thumbnail = line.partition(",")[0], line.rpartition(",")[2].strip()
        md5 = hashlib.md5(photo.data, usedforsecurity=False).hexdigest()
        truth_values = (url, thumbnail, len(photo.data), md5, photo.orientation, fault_of(number))
        rows.append((subset, photo.image_id, *truth_values))
    return rows


def clear_earlier(out: Path) -> None:
    """Clears away the photos of an earlier sample."""
    shutil.rmtree(out / FOLDER, ignore_errors=True)


def write_list(out: Path, rows: Iterable[Sequence[object]]) -> None:
    """<out>/photos.txt: split/ID of every image that has a photo, as the official lists have it."""
    (out / LIST).write_text("".join(f"{row[0]}/{row[1]}\n" for row in rows))
