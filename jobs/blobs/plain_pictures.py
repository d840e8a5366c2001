"""Any picture as one of 8 bits a channel: grey, RGB or RGBA, small and upright."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageCms
from PIL.Image import Resampling, Transpose

ORIENTATION = 0x0112
TURNS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
SPACES = {"L": b"GRAY", "RGB": b"RGB ", "RGBA": b"RGB "}
TOPS = {"F": (1.0, 255.0, 65535.0), "I": (255.0, 65535.0)}


def upright_turn(image: Image.Image) -> Transpose | None:
    """What brings the image upright by its Exif; None where it is upright, or its Exif cannot be read."""
    try:
        return TURNS.get(image.getexif().get(ORIENTATION, 1))
    except Exception:  # it is no part of the picture, and a damaged one makes the parser raise nearly anything
        return None


def shrink_picture(image: Image.Image, longest: int) -> Image.Image:
    """A loaded image as grey (L), RGB or RGBA, at most so many pixels long; it may be `image` itself, changed."""
    if image.mode[0] in "IF":
        return _shrink_grey(image, longest)
    if image.mode == "LAB":
        profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        image = ImageCms.profileToProfile(image, *profiles, outputMode="RGB") or image
    elif image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode not in ("L", "RGB"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    _shrink_in_place(image, longest)
    return image


def _shrink_grey(image: Image.Image, longest: int) -> Image.Image:
    """Grey of more than 8 bits, brought to 8: 16 bits by their whole range, others by the range that their values tell."""
    if image.mode == "F":
        values = np.asarray(image)
        image = Image.fromarray(np.where(np.isfinite(values), values, 0).astype(np.float32))
    low, high = 0.0, 65535.0
    if not image.mode.startswith("I;16"):
        low, high = map(float, image.getextrema())  # type: ignore[arg-type]  # of one channel it is one pair
        if low >= 0 and (tops := [top for top in TOPS[image.mode] if high <= top]):
            low, high = 0.0, tops[0]
    floats = image.convert("F")
    _shrink_in_place(floats, longest)
    shares = (np.asarray(floats, np.float64) - low) / ((high - low) or 1.0)
    return Image.fromarray(np.rint(255 * shares.clip(0, 1)).astype(np.uint8))


def _shrink_in_place(image: Image.Image, longest: int) -> None:
    image.thumbnail((longest, longest), Resampling.BICUBIC, reducing_gap=2.0)


def over_white(image: Image.Image) -> Image.Image:
    """The image without transparency: what shows through is white."""
    if image.mode != "RGBA":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def fitting_profile(profile: bytes | None, mode: str) -> bytes | None:
    """The colour profile where it is one of this mode's colours; that of a CMYK original says nothing of its RGB."""
    return profile if profile and profile[16:20] == SPACES[mode] else None
