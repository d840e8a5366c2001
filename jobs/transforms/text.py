"""Authors and titles: HTML entities decoded once, Unicode in its composed form (NFC)."""

from __future__ import annotations

import html
import html.entities
import re
import unicodedata
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


def normalize(values: pa.StringArray) -> pa.StringArray:
    """Shape (n,), NULL stays NULL. Only values with an entity or beyond ASCII are touched one by one.

    An entity needs its semicolon: an ampersand in "R&D" or "?a=1&copy=2" stays what it is.
    """
    decoded = _decode_entities(values)
    foreign = pc.fill_null(pc.invert(pc.string_is_ascii(decoded)), False)
    if not pc.any(foreign, min_count=0).as_py():
        return decoded
    # Not pyarrow's utf8_normalize: its version 25, the last for Python 3.10, leaves "e" and an accent apart.
    composed = [unicodedata.normalize("NFC", value) for value in decoded.filter(foreign).to_pylist()]
    return pc.replace_with_mask(decoded, foreign, pa.array(composed, values.type))


def _decode_entities(values: pa.StringArray) -> pa.StringArray:
    marked = pc.fill_null(pc.match_substring(values, "&"), False)
    if not pc.any(marked, min_count=0).as_py():
        return values
    changed = [
        ENTITY.sub(lambda entity: _entity_character(entity[0]), text) for text in values.filter(marked).to_pylist()
    ]
    return pc.replace_with_mask(values, marked, pa.array(changed, values.type))


@lru_cache(4096)
def _entity_character(entity: str) -> str:
    """The entity's character; an unknown name stays as it is (html.unescape would take `&notit;` for `&not` and `it;`)."""
    return html.unescape(entity) if entity.startswith("&#") else html.entities.html5.get(entity[1:], entity)
