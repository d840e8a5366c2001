"""Photos of a release as a server plays them: real JPEGs, their rows in images.csv, and where a mirror has them."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from tests.support.http_server import Handler, Server, Stored, Trick
from tests.support.releases import IMAGE_HEADER, TAG, URL, image_id, land, lines

HOST = URL.partition("://")[2]
UNAVAILABLE = "/photos/photo_unavailable.png"
ORIENTATION = 0x0112


@dataclass(frozen=True)
class Photo:
    """One image: its ID, and its bytes as the release knows them."""

    image: str
    data: bytes
    subset: str = "train"

    @property
    def path(self) -> str:
        return f"/{HOST}/{self.image}_o.jpg"

    @property
    def key(self) -> str:
        return f"{self.subset}/{self.image}.jpg"

    @property
    def md5(self) -> str:
        return hashlib.md5(self.data).hexdigest()


def picture(n: int, size: tuple[int, int] = (48, 32)) -> Image.Image:
    """The left half is dark and the right half is bright, different for each n."""
    image = Image.new("RGB", size, (n % 50, n // 50 % 50, 20))
    image.paste((200 + n % 50, 220, 230), (size[0] // 2, 0, *size))
    return image


def saved(image: Image.Image, form: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def jpeg(n: int, size: tuple[int, int] = (48, 32), orientation: int = 1) -> bytes:
    """A JPEG of the n-th picture."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return saved(picture(n, size), "JPEG", quality=80, exif=exif)


def png(size: tuple[int, int] = (20, 20)) -> bytes:
    return saved(Image.new("RGB", size, (255, 255, 255)), "PNG")


def photos(count: int, subset: str = "train") -> list[Photo]:
    return [Photo(image_id(n, subset), jpeg(n), subset) for n in range(count)]


def row(photo: Photo, url: str | None = None, checked: bool = True) -> str:
    """The line of images.csv; where it is not `checked` the release gives neither size nor MD5."""
    base = f"{URL}/{photo.image}"
    md5 = base64.b64encode(hashlib.md5(photo.data).digest()).decode()
    known = f"{len(photo.data)},{md5}" if checked else ","
    people = f'{base},{URL}/by/2.0,{URL}/ann,"Ann, of ""A""","A dog"'
    return f"{photo.image},{photo.subset},{url or f'{base}_o.jpg'},{people},{known},{base}_z.jpg?zz=1"


def landed(folder: Path, rows: Mapping[str, list[str]]) -> Path:
    """A release with these rows of images, by subset."""
    return land(folder, {f"{TAG}/{subset}/images.csv": lines(IMAGE_HEADER, *found) for subset, found in rows.items()})


def serve(server: Server, found: list[Photo]) -> None:
    """Puts the photos where a mirror of their hosts has them, and Flickr's placeholder beside."""
    for photo in found:
        server.files[photo.path] = Stored(photo.data, headers={"Content-Type": "image/jpeg"})
    server.files[UNAVAILABLE] = Stored(png(), headers={"Content-Type": "image/png"})


def lost(handler: Handler, stored: Stored) -> None:
    """As Flickr answers for a photo that is gone: a redirect to a small picture, which comes with status 200."""
    handler.begin(302, {"Location": UNAVAILABLE, "Content-Length": "0"})


def redirects_to(url: str) -> Trick:
    def trick(handler: Handler, stored: Stored) -> None:
        handler.begin(302, {"Location": url, "Content-Length": "0"})

    return trick


def short_body(handler: Handler, stored: Stored) -> None:
    """Says more bytes than it sends, and ends as if all were well."""
    handler.begin(200, {"Content-Type": "image/jpeg", "Content-Length": str(len(stored.data) + 100)})
    handler.body(stored.data)
    handler.close_connection = True
