"""Images made smaller: upright, at most so many pixels long, as JPEG or PNG; of several pictures in a file the first."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import BinaryIO, Literal

from PIL import Image, UnidentifiedImageError

from oilake.jobs.blobs import cut_images, plain_pictures

Format = Literal["jpeg", "png"]

KNOWN = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP")  # JPEG's opener is that of MPO too
EXTENSIONS: dict[str, str] = {"jpeg": "jpg", "png": "png"}


@dataclass(frozen=True)
class Resize:
    """`longest`: pixels of the longer side at most; `quality`: of a JPEG, 1 to 95."""

    longest: int
    quality: int = 90
    format: Format = "jpeg"


class BombError(Exception):
    """An image that would unfold to more pixels than allowed."""


class DamagedError(Exception):
    """Bytes that cannot be read as an image."""


def resized(stream: BinaryIO, wanted: Resize, max_pixels: int, is_original: bool = False) -> bytes | None:
    """The smaller image's bytes; None where the image is upright, small and of the format already.

    The colour profile is kept where it fits, other metadata is not; a JPEG shows what is transparent over white.
    `is_original`: the bytes are the very ones that were published, so what can be read of them is taken where their end is
    missing. BombError before anything is unfolded; DamagedError.
    """
    try:
        return _opened(stream, wanted, max_pixels)
    except DamagedError:
        if not is_original:
            raise
    with cut_images.allowed():
        return _opened(stream, wanted, max_pixels)


def _opened(stream: BinaryIO, wanted: Resize, max_pixels: int) -> bytes | None:
    stream.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a large image is judged below, and others' warnings are no news
        try:
            with Image.open(stream, formats=KNOWN) as image:
                return _resized(image, wanted, max_pixels)
        except Image.DecompressionBombError as error:
            raise BombError(str(error)) from None
        except UnidentifiedImageError:
            raise DamagedError("it is no image that can be opened") from None
        except BombError:
            raise
        except Exception as error:  # a hostile file makes the decoders raise nearly anything
            raise DamagedError(f"the image is damaged ({error})") from None


def _resized(image: Image.Image, wanted: Resize, max_pixels: int) -> bytes | None:
    width, height = image.size
    if width * height > max_pixels:
        raise BombError(f"it has {width:,} x {height:,} pixels, and {max_pixels:,} are allowed")
    is_small = max(width, height) <= wanted.longest
    if is_small and image.format == wanted.format.upper() and plain_pictures.turn(image) is None:
        return None
    profile = image.info.get("icc_profile")
    if wanted.format == "jpeg":
        image.draft("RGB", _within(width, height, wanted.longest))
    image.load()
    turn = plain_pictures.turn(image)  # asked once it is loaded: Pillow turns a TIFF as it loads it
    small = plain_pictures.small(image, wanted.longest)
    if wanted.format == "jpeg":
        small = plain_pictures.over_white(small)
    upright = small if turn is None else small.transpose(turn)
    upright.info = {}
    out = io.BytesIO()
    upright.save(
        out, wanted.format.upper(), quality=wanted.quality, icc_profile=plain_pictures.fitting(profile, upright.mode)
    )
    return out.getvalue()


def _within(width: int, height: int, longest: int) -> tuple[int, int]:
    share = min(1.0, longest / max(width, height))
    return max(1, round(width * share)), max(1, round(height * share))
