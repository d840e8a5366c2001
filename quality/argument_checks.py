"""What kind of value each argument of an expectation takes: a suite that a table brings may hold anything."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from oilake.conf.errors import ConfigError

MOST_CHARACTERS = 20_000


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MOST_CHARACTERS


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_set(value: Any) -> bool:
    return isinstance(value, list) and all(
        _is_text(item) or _is_number(item) or isinstance(item, bool) for item in value
    )


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool)


TEXT = (_is_text, f"text of at most {MOST_CHARACTERS:,} characters")
NUMBER = (_is_number, "a number")
KIND_BY_ARGUMENT: dict[str, tuple[Callable[[Any], bool], str]] = {
    "column": TEXT,
    "column_A": TEXT,
    "column_B": TEXT,
    "column_list": (_is_list_of_texts, "a list of columns"),
    "regex": TEXT,
    "row_condition": TEXT,
    "condition_parser": TEXT,
    "ignore_row_if": TEXT,
    "unexpected_rows_query": TEXT,
    "value_set": (_is_set, "a list of texts, numbers, true or false"),
    "min_value": NUMBER,
    "max_value": NUMBER,
    "or_equal": (_is_boolean, "true or false"),
}


def check_arguments(kwargs: Mapping[str, Any], where: str) -> None:
    """ConfigError, starting with `where`, when an argument has a value of the wrong kind."""
    for name, value in kwargs.items():
        fits, words = KIND_BY_ARGUMENT.get(name, (None, ""))
        if fits is not None and not fits(value):
            raise ConfigError(f"{where}: {name} must be {words}, not {str(value)[:40]!r} ({type(value).__name__})")
