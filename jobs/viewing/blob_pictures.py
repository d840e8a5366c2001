"""Pictures from where they lie: a folder, a tar archive or a prefix on S3; nothing is asked of any other host."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import NamedTuple

from PIL import Image

from oilake.conf.errors import InputError
from oilake.conf.settings import FetchSettings, Settings
from oilake.jobs.blobs.blob_keys import expected_key, image_id_in_key, is_hidden, is_plain
from oilake.jobs.blobs.image_formats import HEAD, image_kind
from oilake.jobs.blobs.locations import Location, locate_blobs
from oilake.jobs.blobs.plain_pictures import upright_turn
from oilake.jobs.blobs.resize import DamagedImageError, PixelBombError, Resize, resized
from oilake.jobs.sources import tar_members
from oilake.jobs.transport.retry import try_persistently
from oilake.jobs.transport.source import Source

SHOWN = {"jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif", "webp": "image/webp"}
SIDEWAYS = (
    Image.Transpose.ROTATE_90,
    Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSPOSE,
    Image.Transpose.TRANSVERSE,
)
# Bytes of the largest blob that is shown, pixels of the longer side of a small one, and how often S3 is asked for one.
LARGEST, SMALL, TRIES = 64 << 20, 320, 2
ReadBlob = Callable[[str, Iterable[str]], bytes | None]


class Picture(NamedTuple):
    """Bytes of a picture that a browser shows; `sides` as it shows them, after the turn that the file asks for itself."""

    data: bytes
    media_type: str
    sides: tuple[int, int]
    is_turned: bool


@dataclass(frozen=True)
class PicturePlaces:
    """The places that were named, asked in their order; `max_pixels`: a larger picture is not made small."""

    readers: tuple[tuple[Location, ReadBlob], ...]
    max_pixels: int

    def find_picture(self, image_id: str, subset: str, checked: Iterable[tuple[str, str]] = ()) -> Picture | None:
        """The picture of an image; None where no place has one that a browser shows.

        `checked`: (location, key) of blobs that a check has seen; looked at where none lies under a usual name.
        """
        usual = usual_keys(subset, image_id)
        if picture := self._find_under(image_id, {location.uri: usual for location, _ in self.readers}):
            return picture
        seen: dict[str, list[str]] = {}
        for place, key in checked:
            seen.setdefault(place, []).append(key)
        return self._find_under(image_id, seen)

    def _find_under(self, image_id: str, keys: Mapping[str, Sequence[str]]) -> Picture | None:
        """The first picture under the keys of each place, by its URI."""
        for location, read in self.readers:
            data = read(image_id, keys[location.uri]) if location.uri in keys else None
            if data is not None and (picture := _as_picture(data)):
                return picture
        return None

    def find_small(self, image_id: str, subset: str) -> Picture | None:
        """The same, at most SMALL pixels long and upright; None also where its bytes cannot be unfolded."""
        picture = self.find_picture(image_id, subset)
        if picture is None:
            return None
        try:
            data = resized(io.BytesIO(picture.data), Resize(SMALL, 80), self.max_pixels)
        except (PixelBombError, DamagedImageError):
            return None
        return picture if data is None else picture._replace(data=data, media_type=SHOWN["jpeg"])


def open_places(places: Iterable[str], settings: Settings) -> PicturePlaces:
    """The places behind --blobs; ConfigError where there is none."""
    locations = [locate_blobs(place) for place in places]
    settings = replace(settings, fetch=replace(settings.fetch, tries=TRIES))
    most = min(settings.download.max_bytes, LARGEST)
    return PicturePlaces(
        tuple((location, _open_reader(location, settings, most)) for location in locations),
        settings.download.max_pixels,
    )


def usual_keys(subset: str, image_id: str) -> list[str]:
    """The names of an image's blob in the layouts that are in use: ours, CVDF's, FiftyOne's, and one folder for all."""
    name = f"{image_id}.jpg"
    return [expected_key(subset, image_id), f"{subset}_{image_id[0]}/{name}", f"{subset}/data/{name}", name]


def _open_reader(location: Location, settings: Settings, most: int) -> ReadBlob:
    if location.kind == "folder":
        return lambda image_id, keys: _first_blob(keys, lambda key: _read_file(location.uri, key, most))
    if location.kind == "s3":
        from oilake.jobs.transport import s3  # boto3 takes a while to import, and a folder needs none of it

        source = s3.s3_source(settings.fetch, settings.storage)
        return lambda image_id, keys: _first_blob(
            keys,
            lambda key: _read_object(source, f"s3://{location.bucket}/{location.prefix}{key}", settings.fetch, most),
        )
    archive = _Archive(location, most)
    return lambda image_id, keys: archive.read(image_id)


def _first_blob(keys: Iterable[str], read: Callable[[str], bytes | None]) -> bytes | None:
    return next(
        (data for key in keys if is_plain(key) and not is_hidden(key) and (data := read(key)) is not None), None
    )


def _read_file(folder: str, key: str, most: int) -> bytes | None:
    """The bytes of a regular file below a folder; None where there is none, or a link leads out of it."""
    root, path = os.path.realpath(folder), os.path.realpath(os.path.join(folder, key))
    if os.path.commonpath([root, path]) != root:
        return None
    try:
        if not os.path.isfile(path) or os.path.getsize(path) > most:
            return None
        with open(path, "rb") as file:
            return file.read(most)
    except OSError:
        return None


def _read_object(source: Source, address: str, fetch: FetchSettings, most: int) -> bytes | None:
    def read_whole() -> bytes:
        with source.read(address, 0, None) as answer:
            held = bytearray()
            for chunk in answer.chunks:
                held += chunk
                if len(held) > most:
                    raise InputError(f"{address}: has more than {most:,} bytes")
            return bytes(held)

    with suppress(InputError):
        data, _ = try_persistently(read_whole, lambda: 0, address, fetch, threading.Event())
        return data
    return None


class _Archive:
    """A tar's members by the image that each is named after; listed once, when a picture is first asked for."""

    def __init__(self, location: Location, most: int) -> None:
        self._path, self._most, self._is_gzip = location.uri, most, location.kind == "tar.gz"
        self._places: dict[str, tar_members.TarMember] | None = None
        self._lock = threading.Lock()

    def read(self, image_id: str) -> bytes | None:
        """The bytes of the image's member; of a tar.gz all before it is unpacked on the way."""
        with self._lock:
            self._places = self._list_members() if self._places is None else self._places
        member = self._places.get(image_id)
        if member is None or member.size > self._most:
            return None
        if self._is_gzip:
            return next((read(member.size) for _, read in tar_members.read_bodies(self._path, {member.start})), None)
        with open(self._path, "rb") as file:
            file.seek(member.start)
            return file.read(member.size)

    def _list_members(self) -> dict[str, tar_members.TarMember]:
        members = (member for member in tar_members.list_members(self._path) if member.is_file)
        return {image_id: member for member in members if (image_id := image_id_in_key(member.name))}


def _as_picture(data: bytes) -> Picture | None:
    """The picture that the bytes are; None where they are none that a browser shows, or their header is damaged."""
    kind = image_kind(data[:HEAD])
    if kind not in SHOWN:
        return None
    try:
        with Image.open(io.BytesIO(data)) as image:
            turn, (width, height) = upright_turn(image), image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    sides = (height, width) if turn in SIDEWAYS else (width, height)
    return Picture(data, SHOWN[kind], sides, turn is not None)
