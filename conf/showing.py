"""How text and values of any origin are shown to a person: in bounded length, and so that no terminal obeys them."""

from __future__ import annotations

import datetime
from typing import Any

LONGEST_VALUE = 80
LONGEST_SENTENCE = 8000


def escape_unprintable(text: str) -> str:
    """The text with an escape for each character that a terminal would obey or that cannot be seen: ESC, BEL, line ends,
    C1 controls, marks that turn the direction of reading, line separators, spaces of other widths, halves of surrogates."""
    return (
        text
        if text.isprintable()
        else "".join(char if char.isprintable() else _escape_character(char) for char in text)
    )


def _escape_character(char: str) -> str:
    """As Python writes it; DEL in the form that JSON allows too."""
    return "\\u007f" if char == "\x7f" else char.encode("unicode_escape").decode()


def brief_value(value: Any) -> str:
    """A value of a document as an error names it: in at most about 100 characters, whatever it holds, and its type."""
    if value is None:
        return "nothing"
    return f"{_value_start(value)} ({type(value).__name__})"


def brief_text(text: str, longest: int = LONGEST_VALUE) -> str:
    """The text, or its beginning."""
    return text if len(text) <= longest else f"{text[:longest]}…"


def _value_start(value: Any) -> str:
    if isinstance(value, str | bytes):
        more = "…" if len(value) > LONGEST_VALUE else ""
        return f"{value[:LONGEST_VALUE]!r}{more}"
    if isinstance(value, bool | float | datetime.date):
        return repr(value)
    if isinstance(value, int):
        return repr(value) if value.bit_length() <= 256 else f"a number of {value.bit_length():,} bits"
    return f"one of {len(value):,} entries" if hasattr(value, "__len__") else "a value"


def shorten_middle(sentence: str) -> str:
    """A sentence without its middle where it is very long: its beginning names the file, its end the remedy."""
    if len(sentence) <= LONGEST_SENTENCE:
        return sentence
    return f"{sentence[: LONGEST_SENTENCE * 3 // 4]} … {sentence[-LONGEST_SENTENCE // 4 :]}"
