"""One image ID as people hand it over: in any spelling, as a file name, with the folder of its split."""

from __future__ import annotations

import re

from oilake.conf.errors import ConfigError
from oilake.jobs.transforms.spelled_ids import spelled_image_id

# What may stand around an ID: the folder of its split, and how a file's name ends.
NAME_PATTERN = (
    r"^(?i:(?P<split>train|validation|test)(?:_[0-9a-f])?[/\\])?"
    r"(?P<id>(?:0[xX])?[0-9a-fA-F]{1,16})(?i:\.(?:jpe?g|png|gif|webp|tiff?|bmp))?$"
)
STRIPPED = " \t\r\n\"'\ufeff\u200b\xa0"


def parse_image_id(text: str, flag: str) -> str:
    """The one image ID that a text holds; ConfigError when there is none, or when it could be two."""
    matched = re.fullmatch(NAME_PATTERN, text.strip(STRIPPED))
    if matched is None:
        raise ConfigError(f"{flag} {text!r} is no image ID; give 16 hex digits or split/ID")
    image_id = spelled_image_id(matched["id"])
    if image_id is None:
        raise ConfigError(ambiguous_sentence(f"{flag} {text!r}"))
    return image_id


def ambiguous_sentence(entry: str) -> str:
    """Word that an entry could be two image IDs."""
    return (
        f"{entry} could be a decimal ID or a hexadecimal one without its zeros; write all 16 hex digits, or 0x in front"
    )
