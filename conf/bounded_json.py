"""JSON that others wrote: its depth and size are bounded before a parser sees it."""

from __future__ import annotations

import json
import re
from typing import Any

DEPTH = 64
CHARACTERS = 64 << 20
TOKEN = re.compile(r'\\.|["\[\]{}]', re.DOTALL)
STEPS = {"[": 1, "{": 1, "]": -1, "}": -1}


def parse(text: str) -> Any:
    """The document; ValueError, in words, when it is no JSON, too long, or nested deeper than DEPTH levels."""
    if len(text) > CHARACTERS:
        raise ValueError(f"longer than {CHARACTERS >> 20} MiB")
    depth, is_in_text = 0, False
    for token in TOKEN.finditer(text):
        if token[0] == '"':
            is_in_text = not is_in_text
        elif not is_in_text:
            depth += STEPS.get(token[0], 0)
            if depth > DEPTH:
                raise ValueError(f"nested deeper than {DEPTH} levels")
    return json.loads(text)
