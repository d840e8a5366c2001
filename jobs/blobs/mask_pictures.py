"""A mask's PNG as pixels: which of them are the object's, and whether these lie in the box of its row."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from oilake.conf.mask_rules import MaskRules
from oilake.jobs.blobs import image_formats, plain_pictures

Foreground = npt.NDArray[np.bool_]


class DamagedMaskError(Exception):
    """Bytes that are no mask; `reason`: `not_a_png`, `too_large` or `damaged_png`."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class MaskBox(NamedTuple):
    """Edges as fractions of the image, 0 to 1."""

    x_min: float
    x_max: float
    y_min: float
    y_max: float


@dataclass(frozen=True)
class MaskFacts:
    """One mask. `width`, `height`: its own, in pixels; `share`: of its pixels, those of the object; `extent`: the box around
    these, by the outer edges of the pixels, None where there are none."""

    width: int
    height: int
    share: float
    extent: MaskBox | None

    def lies_inside(self, box: MaskBox, tolerance: float) -> bool | None:
        """Whether the centre of each of the object's pixels lies in the box, or at most `tolerance` outside.

        None where the object has no pixel.
        """
        if self.extent is None:
            return None
        half_x, half_y = 0.5 / self.width, 0.5 / self.height
        return bool(
            self.extent.x_min + half_x >= box.x_min - tolerance
            and self.extent.x_max - half_x <= box.x_max + tolerance
            and self.extent.y_min + half_y >= box.y_min - tolerance
            and self.extent.y_max - half_y <= box.y_max + tolerance
        )


def read_mask(data: bytes, rules: MaskRules) -> MaskFacts:
    """What a PNG of any depth and colours shows; DamagedMaskError, before anything is unfolded where it is too large."""
    return measure_mask(read_foreground(data, rules))


def read_foreground(data: bytes, rules: MaskRules) -> Foreground:
    """The pixels of the object, shape (height, width); errors as of `read_mask`."""
    if image_formats.image_kind(data[:64]) != "png":
        raise DamagedMaskError("not_a_png", "it is no PNG")
    sides = image_formats.image_sides("png", data[:64])
    if not sides or 0 in sides:
        raise DamagedMaskError("damaged_png", "its header tells no size")
    width, height = sides
    if width * height > rules.max_pixels:
        raise DamagedMaskError(
            "too_large", f"it has {width:,} x {height:,} pixels, and {rules.max_pixels:,} are allowed"
        )
    grey = _grey_pixels(data)
    if grey.shape != (height, width):
        raise DamagedMaskError("damaged_png", "its header tells another size than its pixels have")
    return np.asarray(grey > rules.foreground_above)


def _grey_pixels(data: bytes) -> npt.NDArray[np.uint8]:
    """The picture in grey of 8 bits, shape (height, width); what is transparent keeps its colour."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its size was judged already
        try:
            with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
                image.load()
                plain = image if image.mode == "1" else plain_pictures.shrink_picture(image, max(image.size))
                return np.asarray(plain.convert("L"))
        except Exception as error:  # a hostile file makes the decoder raise nearly anything
            raise DamagedMaskError("damaged_png", f"it is damaged ({' '.join(str(error).split())})") from None


def measure_mask(foreground: Foreground) -> MaskFacts:
    """What is to be known of a mask's pixels, shape (height, width)."""
    height, width = foreground.shape
    columns, rows = np.flatnonzero(foreground.any(axis=0)), np.flatnonzero(foreground.any(axis=1))
    extent = None
    if len(columns):
        extent = MaskBox(
            float(columns[0] / width),
            float((columns[-1] + 1) / width),
            float(rows[0] / height),
            float((rows[-1] + 1) / height),
        )
    return MaskFacts(width, height, int(np.count_nonzero(foreground)) / foreground.size, extent)


def scale_mask(mask: Foreground, height: int, width: int) -> Foreground:
    """Return a mask in other sides: each pixel is that in which its centre lies."""
    if mask.shape == (height, width):
        return mask
    rows, columns = (
        (2 * np.arange(side) + 1) * old // (2 * side) for side, old in zip((height, width), mask.shape, strict=True)
    )
    return np.asarray(mask[np.ix_(rows, columns)])
