"""Conditions in SQL that a person gives: functions of a row's own values, and nothing that reads anything else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import duckdb

from oilake.conf.errors import ConfigError
from oilake.jobs.runtime.error_text import LONGEST_LINE

CHARACTERS = 10_000
NESTED = 200
# Share of letters that two names have in common.
ALIKE = 0.75
# What DuckDB's parser makes of comparisons, operators and functions of one row's values.
PARTS = {
    "BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION", "LAMBDA",
    "LAMBDA_REF", "OPERATOR", "TYPE",
}  # fmt: skip
# Their result may be longer than all that they are given, up to any length.
GROWING = {
    "array_resize", "bar", "format", "generate_series", "list_reduce", "list_resize", "lpad", "printf", "range", "reduce",
    "regexp_replace", "repeat", "replace", "rpad",
}  # fmt: skip
UNKNOWN_COLUMN = re.compile(r'Referenced column "(.+?)" not found')
CLASS = re.compile(r"^[A-Za-z ]+ Error: ")


@dataclass(frozen=True)
class Condition:
    """A condition that looks at one row alone. `names`: the identifiers in it, in lower case; `values`: texts that columns
    must have, by the column as it was written, where the condition says so by `=`."""

    sql: str
    names: frozenset[str] = frozenset()
    values: dict[str, str] = field(default_factory=dict)


def parse_condition(connection: duckdb.DuckDBPyConnection, text: str) -> Condition:
    """Take a condition apart; ConfigError where it is none, or looks at more than the row."""
    if len(text) > CHARACTERS or _bracket_depth(text) > NESTED:
        raise ConfigError(
            f"--where: a condition has at most {CHARACTERS:,} characters and {NESTED} brackets in each other; shorten it"
        )
    if not text.strip():
        raise ConfigError(f"--where: the condition is empty; {_DIALECT}")
    query = f"SELECT (\n{text}\n) AS met"
    try:
        parsed = json.loads(connection.execute("SELECT json_serialize_sql(?)", [query]).fetchall()[0][0])
    except duckdb.Error as error:
        raise condition_error(error, ()) from None
    if parsed["error"]:
        raise ConfigError(f"--where: {parsed.get('error_message', 'it is no condition')}; {_DIALECT}")
    nodes = [statement["node"] for statement in parsed["statements"]]
    if len(nodes) != 1 or len(nodes[0]["select_list"]) != 1 or nodes[0]["select_list"][0]["alias"] != "met":
        raise ConfigError(f"--where: it is more than one condition; {_DIALECT}")
    tree = nodes[0]["select_list"][0]
    parts = list(_tree_parts(tree))
    if strange := [part["class"] for part in parts if part["class"] not in PARTS]:
        raise ConfigError(
            f"--where: a condition compares the columns of one row, and {strange[0].lower().replace('_', ' ')} is no "
            "part of that; leave it out"
        )
    if growing := [name for part in parts if (name := part.get("function_name")) in GROWING]:
        raise ConfigError(
            f"--where: a condition cannot call {growing[0]}(), whose result may be of any length; leave it out"
        )
    names = frozenset(name.lower() for part in parts for name in part.get("column_names", ()))
    return Condition(f"(\n{text}\n)", names, dict(_required_values(tree)))


_DIALECT = "a condition is SQL as DuckDB writes it, texts in single quotes, such as \"subset = 'train'\""


def condition_error(error: duckdb.Error, columns: Sequence[str]) -> ConfigError:
    """Word what the engine says of a condition on these columns, or of a value that it cannot take."""
    unknown = UNKNOWN_COLUMN.search(str(error))
    sentence = unknown_column(unknown[1], columns) if unknown else duckdb_sentence(error)
    return ConfigError(f"--where: {sentence}; {_DIALECT}")


def unknown_column(name: str, columns: Sequence[str]) -> str:
    """Word that no column is called so, with those whose names are like it, and where none is all."""
    text = name.lower()
    like = [column for column in columns if column.startswith(text)] or get_close_matches(text, columns, cutoff=ALIKE)
    return f"{name!r}: no such column; there is {', '.join(like or columns)}"


def duckdb_sentence(error: duckdb.Error) -> str:
    """Return what DuckDB says about SQL, without the class of its error and its places in the text."""
    sentence, _, _ = str(error).partition("\nLINE ")
    return CLASS.sub("", " ".join(sentence.split()))[:LONGEST_LINE].strip(" .;:!") or type(error).__name__


def _required_values(tree: Any) -> Iterator[tuple[str, str]]:
    """Yield (column, text) of comparisons that every row which meets the condition fulfils."""
    if tree["type"] == "CONJUNCTION_AND":
        for child in tree["children"]:
            yield from _required_values(child)
    elif tree["type"] == "COMPARE_EQUAL":
        sides = {side["class"]: side for side in (tree["left"], tree["right"])}
        if sides.keys() == {"COLUMN_REF", "CONSTANT"} and len(sides["COLUMN_REF"]["column_names"]) == 1:
            literal = sides["CONSTANT"].get("literal") or {}
            if literal.get("kind") == "STRING":
                yield sides["COLUMN_REF"]["column_names"][0].lower(), literal["text"]


def _tree_parts(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield every part of a parsed expression that has a class, however deep."""
    waiting = [tree]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if "class" in part:
                yield part
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part


def _bracket_depth(text: str) -> int:
    depth = most = 0
    for sign in text:
        depth += {"(": 1, ")": -1}.get(sign, 0)
        most = max(most, depth)
    return most
