"""JSON that others wrote: its depth and size are bounded before a parser sees it."""

from __future__ import annotations

import json
import re
from typing import Any

DEEPEST_LEVEL = 64
MOST_CHARACTERS = 64 << 20
TOKEN = re.compile(r'\\.|["\[\]{}]', re.DOTALL)
DEPTH_STEPS = {"[": 1, "{": 1, "]": -1, "}": -1}


def parse_json(text: str) -> Any:
    """The document; ValueError, in words, when it is no JSON, too long, or nested deeper than DEPTH levels."""
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"longer than {MOST_CHARACTERS >> 20} MiB")
    depth, is_in_text = 0, False
    for token in TOKEN.finditer(text):
        if token[0] == '"':
            is_in_text = not is_in_text
        elif not is_in_text:
            depth += DEPTH_STEPS.get(token[0], 0)
            if depth > DEEPEST_LEVEL:
                raise ValueError(f"nested deeper than {DEEPEST_LEVEL} levels")
    return json.loads(text)
