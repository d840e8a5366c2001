"""Which image a blob is named after: <subset>/<image_id>.jpg, <image_id>.jpg, or as CVDF has it train_0/<image_id>.jpg."""

from __future__ import annotations

import re

NAME = re.compile(r"(?:(train|validation|test)(?:_[0-9a-f])?/)?([0-9a-f]{16})\.(?:jpe?g|png|JPE?G|PNG)")


def image(key: str) -> tuple[str, str | None] | None:
    """(image ID, the subset that the folder names or None) of a blob's key; None where it is named after no image."""
    found = NAME.fullmatch(key)
    return (found[2], found[1]) if found else None


def expected_key(subset: str, image_id: str) -> str:
    """The key that an image's blob should have."""
    return f"{subset}/{image_id}.jpg"


def is_hidden(key: str) -> bool:
    """Whether a part of the name begins with a dot, or it is an attribution: what is being written, or no blob."""
    return key.startswith((".", "attribution/")) or "/." in key
