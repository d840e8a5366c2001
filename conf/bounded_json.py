"""JSON of values that others wrote: bounded before a parser sees it, and written so that any parser takes it."""

from __future__ import annotations

import json
import math
import re
from typing import Any

DEEPEST_LEVEL = 64
MOST_CHARACTERS = 64 << 20
TOKEN = re.compile(r'\\.|["\[\]{}]', re.DOTALL)
DEPTH_STEPS = {"[": 1, "{": 1, "]": -1, "}": -1}


def parse_json(text: str, is_strict: bool = False) -> Any:
    """The document; ValueError, in words, when it is no JSON, too long, or nested deeper than DEEPEST_LEVEL levels.

    `is_strict`: NaN and infinities, which RFC 8259 does not know, are refused.
    """
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
    return json.loads(text, parse_constant=_refuse_constant if is_strict else None)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def strict_json(document: Any, indent: int | None = None) -> str:
    """The document as RFC 8259 has it: NaN and infinities stand as text, and so does what JSON does not know."""
    return json.dumps(_finite(document), indent=indent, default=str, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list | tuple) else value
