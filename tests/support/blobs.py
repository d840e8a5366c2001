"""A small release of real JPEGs, and the same blobs with planted faults in a folder, in a tar and on S3."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import random
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from tests.support.releases import IMAGE_HEADER, TAG, URL, image_id, land, lines

HTML = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>\n"
COUNTS = {"train": 40, "validation": 4, "test": 4}
N = 3
WITHOUT_MD5 = frozenset({f"train/{image_id(39)}.jpg", f"test/{image_id(3, 'test')}.jpg"})


def jpeg(seed: int, width: int = 48, height: int = 32) -> bytes:
    """A real JPEG of noise, another one for each seed."""
    noise = random.Random(seed).randbytes(width * height * 3)
    return _saved(Image.frombytes("RGB", (width, height), noise), "JPEG")


def png(width: int, height: int) -> bytes:
    """A real PNG of one colour."""
    return _saved(Image.new("RGB", (width, height), (200, 200, 200)), "PNG")


def _saved(image: Any, form: str) -> bytes:
    out = io.BytesIO()
    image.save(out, form)
    return out.getvalue()


def originals() -> dict[str, bytes]:
    """The originals of the release by key."""
    keys = [f"{subset}/{image_id(n, subset)}.jpg" for subset, count in COUNTS.items() for n in range(count)]
    return {key: jpeg(n) for n, key in enumerate(keys)}


def release(folder: Path, blobs: Mapping[str, bytes], without_md5: frozenset[str] = frozenset()) -> Path:
    """Writes a V3 whose images have the sizes and MD5s of `blobs`, but for those in `without_md5`; `folder`."""
    rows: dict[str, list[str]] = {subset: [] for subset in COUNTS}
    for key, data in blobs.items():
        subset, image = key[: key.index("/")], Path(key).stem
        md5 = "" if key in without_md5 else base64.b64encode(hashlib.md5(data).digest()).decode()
        size = "" if key in without_md5 else len(data)
        url = f"{URL}/{image}"
        rows[subset].append(f"{image},{subset},{url}_o.jpg,{url},{URL}/by,{URL}/ann,Ann,A dog,{size},{md5},")
    return land(folder, {f"{TAG}/{subset}/images.csv": lines(IMAGE_HEADER, *rows[subset]) for subset in rows})


@dataclass
class Planted:
    """Blobs by key, links that lead nowhere, and the truth: the status of every key that is to be reported."""

    blobs: dict[str, bytes]
    truth: dict[str, str]
    links: list[str] = field(default_factory=list)

    def in_folder(self, folder: Path) -> Path:
        for key, data in self.blobs.items():
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        for key in self.links:
            os.symlink("/nowhere", folder / key)
        return folder

    def in_tar(self, path: Path) -> Path:
        """As CVDF packs them: train_0/<image_id>.jpg; the truth goes by these names."""
        with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
            for key, data in self.blobs.items():
                info = tarfile.TarInfo(key.replace("train/", "./train_0/"))
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
            for key in self.links:
                info = tarfile.TarInfo(key.replace("train/", "./train_0/"))
                info.type, info.linkname = tarfile.SYMTYPE, "/nowhere"
                archive.addfile(info)
        return path

    def of_tar(self) -> dict[str, str]:
        """The truth by the names in the tar; what is missing is told by the name that it should have."""
        return {
            (key if status == "missing" else key.replace("train/", "train_0/")): status
            for key, status in self.truth.items()
        }


def planted(whole: Mapping[str, bytes], without_md5: frozenset[str]) -> Planted:
    """N faults of each kind among the train images; everything else is verified, or has no reference."""
    blobs = dict(whole)
    truth = {key: "no_reference" if key in without_md5 else "verified" for key in whole}
    free = iter([key for key in whole if key.startswith("train/") and key not in without_md5])
    found = Planted(blobs, truth)
    for status, fault in FAULTS.items():
        for key in [next(free) for _ in range(N)]:
            truth[key] = status
            data = fault(whole[key])
            if data is not None:
                blobs[key] = data
            else:
                del blobs[key]
            if status == "unreadable":
                found.links.append(key)
    strangers = [f"train/{image_id(n + 999)}.jpg" for n in range(N)]
    strangers += ["README.txt", "train/notes.jpg", f"labels/{image_id(38)}.txt"]
    for key in strangers:
        blobs[key], truth[key] = jpeg(4711), "unexpected"
    again = f"test/{image_id(39)}.jpg"  # the folder is not that of the image
    blobs[again], truth[again] = (
        jpeg(4711),
        "no_reference" if f"train/{image_id(39)}.jpg" in without_md5 else "md5_mismatch",
    )
    blobs["train/.half.jpg"] = blobs[".cache/x.jpg"] = b"hidden"
    return found


FAULTS: dict[str, Callable[[bytes], bytes | None]] = {
    "missing": lambda data: None,
    "unreadable": lambda data: None,
    "not_an_image": lambda data: HTML,
    "placeholder": lambda data: png(240, 180),
    "truncated": lambda data: data[: len(data) // 2],
    "size_mismatch": lambda data: jpeg(len(data), 64, 64),
    "md5_mismatch": lambda data: data[:-10] + bytes([data[-10] ^ 1]) + data[-9:],
}


def keys(rows: list[dict[str, Any]]) -> dict[str, str]:
    """The status of each key."""
    assert len({row["key"] for row in rows}) == len(rows), "a blob has two rows"
    return {row["key"]: row["status"] for row in rows}
