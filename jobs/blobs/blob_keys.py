"""Which image a blob is named after: the ID is the file's name, in any folder, such as train/<image_id>.jpg of our own
layout, train_0/<image_id>.jpg of CVDF's, train/data/<image_id>.jpg of FiftyOne's, train/Dog/<image_id>.jpg of OIDv4's."""

from __future__ import annotations

import re

ENDINGS = "jpe?g|jpe|jfif|mpo|png|gif|webp|tiff?|bmp"
NAME = re.compile(rf"(?:.*/)?([0-9a-f]{{16}})(?:\.(?:{ENDINGS}))?", re.ASCII | re.IGNORECASE | re.DOTALL)
FOLDER = re.compile(r"(train|validation|test)(?:_[0-9a-f])?")
ODD = re.compile(r"(^|/)\.{0,2}(/|$)|[\\\n\r\x85\u2028\u2029]")


def image_id_in_key(key: str) -> str | None:
    """The canonical image ID that a blob's key holds; None where it holds none, or its ending is of no image."""
    match = NAME.fullmatch(key)
    return match[1].lower() if match else None


def subset_in_key(key: str) -> str | None:
    """The subset that the innermost folder which names one names; None where none does."""
    folders = key.lower().split("/")[-2::-1]
    return next((match[1] for folder in folders if (match := FOLDER.fullmatch(folder))), None)


def expected_key(subset: str, image_id: str) -> str:
    """The key that an image's blob should have."""
    return f"{subset}/{image_id}.jpg"


def is_hidden(key: str) -> bool:
    """Whether a part of the name begins with a dot, or it is an attribution: what is being written, or no blob."""
    return key.startswith((".", "attribution/")) or "/." in key


def is_plain(key: str) -> bool:
    """Whether a blob can be written under this name: no part of it leads elsewhere, and it is spelled as it was found."""
    return not ODD.search(key)
