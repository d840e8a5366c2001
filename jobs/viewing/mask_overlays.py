"""The pixels of masks, read from the zips where they landed, as pictures that lie over an image."""

from __future__ import annotations

import io
import re
import threading
from contextlib import ExitStack
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageColor

from oilake.conf.errors import ConfigError, InputError
from oilake.conf.mask_rules import load_mask_rules
from oilake.conf.registry import Release
from oilake.conf.settings import Settings
from oilake.jobs.blobs.mask_pictures import Foreground
from oilake.jobs.masking.landed_pictures import MaskPictures
from oilake.jobs.masking.landed_zips import LandedZip, find_zip
from oilake.jobs.reporting import palette
from oilake.jobs.viewing.image_record import ImageRecord
from oilake.jobs.viewing.marks import BoxMark, OverlayMark
from oilake.schemas.release_registry import find_release

NAME = re.compile(r"[0-9a-f]{16}_[0-9a-z_]{1,60}_[0-9a-f]{8}\.png")
# A zip of the published ones has up to 170,000 members, whose list takes 100 MB.
OPEN_ZIPS = 2
MOST_OVERLAYS = 60


class OverlayLayer(NamedTuple):
    """The masks of an image that can be shown; `problems`: sentences about those that cannot."""

    marks: list[OverlayMark]
    problems: list[str]


class MaskPlaces:
    """The zips of masks in the landing area; at most OPEN_ZIPS stay open, and one mask is unfolded at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._rules = settings, load_mask_rules()
        self._releases: dict[str, Release] = {}
        self._opened: dict[LandedZip, MaskPictures] = {}
        self._lock = threading.Lock()

    def read_pixels(self, release: str, subset: str, name: str) -> Foreground:
        """The pixels of a mask's object by the name of its PNG, shape (height, width); InputError where its zip is not
        here, or it is not whole in it; ConfigError where it is no name, or the release has no masks."""
        if not NAME.fullmatch(name):
            raise ConfigError(f"mask {name!r}: is no name of a mask's PNG")
        place = find_zip(self._settings, self._find_release(release), subset, name[0])
        if place.state is None:
            raise InputError(
                f"{place.name} is not in {self._settings.landing}: bring it with `oilake fetch --release {release} "
                "--masks`, or say with --landing where it is"
            )
        with self._lock:
            return self._open_zip(place).read(name)

    def _find_release(self, name: str) -> Release:
        """The release in the registry, whose files are read once."""
        if name not in self._releases:
            self._releases[name] = find_release(name, self._settings.registry)
        return self._releases[name]

    def _open_zip(self, place: LandedZip) -> MaskPictures:
        """The zip in its present state; the one that was asked for longest ago is closed."""
        pictures = self._opened.pop(place, None) or MaskPictures({place.digit: place}, self._rules, ExitStack())
        self._opened[place] = pictures
        if len(self._opened) > OPEN_ZIPS:
            self._opened.pop(next(iter(self._opened))).stack.close()
        return pictures


def overlay_png(pixels: Foreground, colour: int) -> bytes:
    """A PNG of the object's pixels in a colour of `palette.KINDS` by its place; all others are transparent."""
    height, width = pixels.shape
    picture = Image.frombytes("P", (width, height), pixels.astype(np.uint8).tobytes())
    picture.putpalette([0, 0, 0, *ImageColor.getrgb(palette.KINDS[colour % len(palette.KINDS)])])
    out = io.BytesIO()
    picture.save(out, "PNG", bits=1, transparency=0)
    return out.getvalue()


def read_overlays(places: MaskPlaces, record: ImageRecord, boxes: list[BoxMark]) -> OverlayLayer:
    """The masks of an image, each looked at; `boxes`: what is drawn of their rows, in their order."""
    layer = OverlayLayer([], [])
    for row, box in zip(record.table_rows("masks")[:MOST_OVERLAYS], boxes, strict=False):
        try:
            places.read_pixels(record.release, row["subset"], row["mask_path"])
        except (ConfigError, InputError) as error:
            layer.problems.append(str(error))
        else:
            colour = palette.KINDS.index(box.colour)
            layer.marks.append(OverlayMark(row["subset"], row["mask_path"], colour, f"{box.number}. {box.name}"))
    if len(boxes) > MOST_OVERLAYS:
        layer.problems.append(f"of {len(boxes):,} masks the first {MOST_OVERLAYS} are drawn")
    return layer._replace(problems=list(dict.fromkeys(layer.problems)))
