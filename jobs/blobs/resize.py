"""Images made smaller: upright, at most so many pixels long, as JPEG or PNG; of several pictures in a file the first."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import BinaryIO, Literal

from PIL import Image, UnidentifiedImageError

from oilake.jobs.blobs import cut_images, plain_pictures

Format = Literal["jpeg", "png"]

OPENABLE_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP")  # JPEG's opener is that of MPO too
EXTENSIONS: dict[str, str] = {"jpeg": "jpg", "png": "png"}


@dataclass(frozen=True)
class Resize:
    """`longest`: pixels of the longer side at most; `quality`: of a JPEG, 1 to 95."""

    longest: int
    quality: int = 90
    format: Format = "jpeg"


class PixelBombError(Exception):
    """An image that would unfold to more pixels than allowed."""


class DamagedImageError(Exception):
    """Bytes that cannot be read as an image."""


def resized(stream: BinaryIO, request: Resize, max_pixels: int, is_original: bool = False) -> bytes | None:
    """The smaller image's bytes; None where the image is upright, small and of the format already.

    The colour profile is kept where it fits, other metadata is not; a JPEG shows what is transparent over white.
    `is_original`: the bytes are the very ones that were published, so what can be read of them is taken where their end is
    missing. BombError before anything is unfolded; DamagedError.
    """
    try:
        return _open_and_resize(stream, request, max_pixels)
    except DamagedImageError:
        if not is_original:
            raise
    with cut_images.allow_truncated():
        return _open_and_resize(stream, request, max_pixels)


def _open_and_resize(stream: BinaryIO, resize: Resize, max_pixels: int) -> bytes | None:
    stream.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a large image is judged below, and others' warnings are no news
        try:
            with Image.open(stream, formats=OPENABLE_FORMATS) as image:
                return _resize_opened(image, resize, max_pixels)
        except Image.DecompressionBombError as error:
            raise PixelBombError(str(error)) from None
        except UnidentifiedImageError:
            raise DamagedImageError("it is no image that can be opened") from None
        except PixelBombError:
            raise
        except Exception as error:  # a hostile file makes the decoders raise nearly anything
            raise DamagedImageError(f"the image is damaged ({error})") from None


def _resize_opened(image: Image.Image, resize: Resize, max_pixels: int) -> bytes | None:
    width, height = image.size
    if width * height > max_pixels:
        raise PixelBombError(f"it has {width:,} x {height:,} pixels, and {max_pixels:,} are allowed")
    is_small = max(width, height) <= resize.longest
    if is_small and image.format == resize.format.upper() and plain_pictures.upright_turn(image) is None:
        return None
    profile = image.info.get("icc_profile")
    if resize.format == "jpeg":
        image.draft("RGB", _draft_size(width, height, resize.longest))
    image.load()
    turn = plain_pictures.upright_turn(image)  # asked once it is loaded: Pillow turns a TIFF as it loads it
    small = plain_pictures.shrink_picture(image, resize.longest)
    if resize.format == "jpeg":
        small = plain_pictures.over_white(small)
    upright = small if turn is None else small.transpose(turn)
    upright.info = {}
    out = io.BytesIO()
    upright.save(
        out,
        resize.format.upper(),
        quality=resize.quality,
        icc_profile=plain_pictures.fitting_profile(profile, upright.mode),
    )
    return out.getvalue()


def _draft_size(width: int, height: int, longest: int) -> tuple[int, int]:
    share = min(1.0, longest / max(width, height))
    return max(1, round(width * share)), max(1, round(height * share))
