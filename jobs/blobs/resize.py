"""Images made smaller: upright, at most so many pixels long, as JPEG or PNG."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import BinaryIO, Literal

from PIL import Image, ImageOps, UnidentifiedImageError

Format = Literal["jpeg", "png"]

KNOWN = ("JPEG", "MPO", "PNG", "GIF", "WEBP", "TIFF", "BMP")
UPRIGHT = (None, 1)
ORIENTATION = 0x0112
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


def resized(stream: BinaryIO, wanted: Resize, max_pixels: int) -> bytes | None:
    """The smaller image's bytes; None where the image is upright, small and of the format already.

    The colour profile is kept, other metadata is not. BombError before anything is unfolded; DamagedError.
    """
    stream.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a large image is judged below, and others' warnings are no news
        try:
            with Image.open(stream, formats=KNOWN) as image:
                return _resized(image, wanted, max_pixels)
        except Image.DecompressionBombError as error:
            raise BombError(str(error)) from None
        except UnidentifiedImageError:
            raise DamagedError("it is no image") from None
        except BombError:
            raise
        except Exception as error:  # a hostile file makes the decoders raise nearly anything
            raise DamagedError(f"the image is damaged ({error})") from None


def _resized(image: Image.Image, wanted: Resize, max_pixels: int) -> bytes | None:
    width, height = image.size
    if width * height > max_pixels:
        raise BombError(f"it has {width:,} x {height:,} pixels, and {max_pixels:,} are allowed")
    is_turned = image.getexif().get(ORIENTATION) not in UPRIGHT
    if not is_turned and max(width, height) <= wanted.longest and image.format == wanted.format.upper():
        return None
    profile = image.info.get("icc_profile")
    if wanted.format == "jpeg":
        image.draft("RGB", _within(width, height, wanted.longest))
    turned = ImageOps.exif_transpose(_small(image, wanted)) if is_turned else _small(image, wanted)
    out = io.BytesIO()
    turned.save(out, wanted.format.upper(), quality=wanted.quality, icc_profile=profile)
    return out.getvalue()


def _small(image: Image.Image, wanted: Resize) -> Image.Image:
    if image.mode not in ("RGB", "L", *(("RGBA",) if wanted.format == "png" else ())):
        image = image.convert("RGB")
    image.thumbnail((wanted.longest, wanted.longest), Image.Resampling.BICUBIC, reducing_gap=2.0)
    return image


def _within(width: int, height: int, longest: int) -> tuple[int, int]:
    share = min(1.0, longest / max(width, height))
    return max(1, round(width * share)), max(1, round(height * share))
