"""How people spell an image ID or a MID, and what one text spells; `image_ids` and `mids` read whole columns so."""

from __future__ import annotations

import re

IMAGE_ID = "^[0-9a-f]{16}$"
REPAIRABLE_ID = r"^(0[xX])?[0-9a-fA-F]{1,16}$"
AMBIGUOUS_ID = "^[0-9]{1,15}$"
MID_SPELLINGS = r"^(?:kg:/|/|https?://rdf\.freebase\.com/ns/)?([mg])[./]([0-9a-z_]+)$"


def spelled_image_id(text: str) -> str | None:
    """The canonical image ID; None where the text is none, or could be a decimal ID as well."""
    if not re.fullmatch(REPAIRABLE_ID, text) or re.fullmatch(AMBIGUOUS_ID, text):
        return None
    return text.lower().removeprefix("0x").zfill(16)


def spelled_mid(text: str) -> str | None:
    """The MID as `/m/…` or `/g/…`; None where the text is none of Freebase's."""
    spelled = re.fullmatch(MID_SPELLINGS, text.lower() if text.isascii() else text)
    return f"/{spelled[1]}/{spelled[2]}" if spelled else None
