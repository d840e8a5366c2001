"""The closed list of row-level expectations and their compilers: Arrow filter and Delta constraint.

The third form is Great Expectations' own: the declaration itself. NULL passes every rule but NOT NULL; NaN passes none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oilake.conf.errors import ConfigError
from oilake.quality import fixed_width

RowMask = npt.NDArray[np.bool_]

NOT_NULL = "expect_column_values_to_not_be_null"
IN_SET = "expect_column_values_to_be_in_set"
MATCH = "expect_column_values_to_match_regex"
NOT_MATCH = "expect_column_values_to_not_match_regex"
BETWEEN = "expect_column_values_to_be_between"
A_ABOVE_B = "expect_column_pair_values_a_to_be_greater_than_b"
EQUAL = "expect_column_pair_values_to_be_equal"

ARGUMENTS: dict[str, tuple[set[str], set[str]]] = {
    NOT_NULL: ({"column"}, set()),
    IN_SET: ({"column", "value_set"}, set()),
    MATCH: ({"column", "regex"}, set()),
    NOT_MATCH: ({"column", "regex"}, set()),
    BETWEEN: ({"column"}, {"min_value", "max_value"}),
    A_ABOVE_B: ({"column_A", "column_B", "or_equal", "ignore_row_if"}, set()),
    EQUAL: ({"column_A", "column_B", "ignore_row_if"}, set()),
}
PAIRS = (A_ABOVE_B, EQUAL)
LINE_BREAKS = "\n\r\u0085\u2028\u2029"
CONDITION_KEYS = {"row_condition", "condition_parser"}
CONDITION = re.compile(r"(?P<column>\w+) (?P<operator>=|<>) '(?P<value>[\w-]+)'")


@dataclass(frozen=True)
class Rule:
    """A Great Expectations type and its arguments."""

    type: str
    kwargs: Mapping[str, Any]


def check_rule(rule: Rule, columns: Mapping[str, str], where: str) -> None:
    """ConfigError, starting with `where`, when the rule is not of the closed list or does not fit the table's columns."""
    if rule.type not in ARGUMENTS:
        raise ConfigError(f"{where}: unknown expectation type; known: {', '.join(ARGUMENTS)}")
    needed, optional = ARGUMENTS[rule.type]
    arguments_given = set(rule.kwargs)
    if missing := needed - arguments_given:
        raise ConfigError(f"{where}: missing argument {', '.join(sorted(missing))}")
    if unknown := arguments_given - needed - optional - CONDITION_KEYS:
        raise ConfigError(f"{where}: unknown argument {', '.join(sorted(unknown))}")
    for key in arguments_given & {"column", "column_A", "column_B"}:
        if rule.kwargs[key] not in columns:
            raise ConfigError(f"{where}: the table has no column {rule.kwargs[key]!r}")
    _check_values(rule, columns, where)


def _check_values(rule: Rule, columns: Mapping[str, str], where: str) -> None:
    if rule.type == BETWEEN and not rule.kwargs.keys() & {"min_value", "max_value"}:
        raise ConfigError(f"{where}: needs min_value, max_value or both")
    if rule.type in PAIRS and rule.kwargs["ignore_row_if"] != "either_value_is_missing":
        raise ConfigError(f"{where}: ignore_row_if must be either_value_is_missing")
    if rule.type in (MATCH, NOT_MATCH):
        try:
            pc.match_substring_regex(pa.array([""]), rule.kwargs["regex"])
        except pa.ArrowInvalid as error:
            raise ConfigError(f"{where}: regex: {error}; write it as RE2 reads it") from None
    if bool(rule.kwargs.keys() & CONDITION_KEYS):
        condition = CONDITION.fullmatch(str(rule.kwargs.get("row_condition")))
        if condition is None or condition["column"] not in columns or rule.kwargs.get("condition_parser") != "spark":
            raise ConfigError(f"{where}: row_condition must read: column = 'value' or column <> 'value', parser spark")


def type_misfit(rule: Rule, schema: pa.Schema) -> str | None:
    """Why the rule cannot be asked of columns of these types; None where it can."""
    if rule.type in (MATCH, NOT_MATCH) and not pa.types.is_string(schema.field(rule.kwargs["column"]).type):
        return "a regex is asked of text alone"
    try:
        passing_rows(rule, pa.table({name: pa.nulls(1, schema.field(name).type) for name in columns_of(rule)}))
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return f"its values do not fit the type of {' and '.join(dict.fromkeys(columns_of(rule)))}"
    return None


def are_comparable(schema: pa.Schema, columns: Sequence[str]) -> bool:
    """Whether the values of these columns have an order: those of nested ones have none."""
    return not any(pa.types.is_nested(schema.field(name).type) for name in columns)


def needs_no_line_breaks(rule: Rule) -> bool:
    """Whether the regex ends in `$`, which Java lets match before a final line break."""
    return rule.type == MATCH and str(rule.kwargs.get("regex")).endswith("$")


def forbids_line_breaks(rule: Rule) -> bool:
    """Whether the rule refuses every character that Java takes for a line break."""
    return rule.type == NOT_MATCH and _finds_line_breaks(rule.kwargs["regex"])


@cache
def _finds_line_breaks(regex: str) -> bool:
    """By Arrow's engine, which takes time in proportion to the text whatever the regex is."""
    return bool(pc.all(pc.match_substring_regex(pa.array(list(LINE_BREAKS)), regex)).as_py())


def columns_of(rule: Rule) -> list[str]:
    """The columns that the rule looks at, its condition's last."""
    names = [rule.kwargs[key] for key in ("column", "column_A", "column_B") if key in rule.kwargs]
    condition = CONDITION.fullmatch(rule.kwargs.get("row_condition") or "")
    return [*names, condition["column"]] if condition else names


def condition_mask(rule: Rule, table: pa.Table) -> RowMask | None:
    """Which rows of `table` the rule's condition picks, a mask of shape (rows,); None where it has no condition."""
    return _condition_rows(rule.kwargs["row_condition"], table) if "row_condition" in rule.kwargs else None


def passing_rows(rule: Rule, table: pa.Table) -> RowMask:
    """Which rows of `table` pass: a mask of shape (rows,)."""
    picked = condition_mask(rule, table)
    if picked is None:
        return _passing_rows(rule, table)
    return ~picked | _passing_rows(rule, table) if picked.any() else ~picked


def _passing_rows(rule: Rule, table: pa.Table) -> RowMask:
    arguments = rule.kwargs
    if rule.type == A_ABOVE_B:
        compare = pc.greater_equal if arguments["or_equal"] else pc.greater
        return _true_or_null(compare(table[arguments["column_A"]], table[arguments["column_B"]]))
    if rule.type == EQUAL:
        return _true_or_null(pc.equal(table[arguments["column_A"]], table[arguments["column_B"]]))
    column = table[arguments["column"]]
    if rule.type == NOT_NULL:
        return numpy_mask(pc.is_valid(column)) if column.null_count else np.ones(len(column), np.bool_)
    if rule.type == BETWEEN:
        if _lies_between(column, arguments.get("min_value"), arguments.get("max_value")):
            return np.ones(len(column), np.bool_)
        return _between_bounds(column, arguments.get("min_value"), arguments.get("max_value"))
    return np.concatenate([np.empty(0, np.bool_), *(_passing_by_value(rule, chunk) for chunk in column.chunks)])


def _lies_between(column: pa.ChunkedArray, low: float | None, high: float | None) -> bool:
    """Whether the smallest and the largest number, which are looked for faster than each is judged, are within the bounds;
    False for what has no such or may have NULL. NaN is within none."""
    if column.null_count or not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        return False
    parts = [chunk.to_numpy() for chunk in column.chunks if len(chunk)]
    return all((low is None or part.min() >= low) and (high is None or part.max() <= high) for part in parts)


def _between_bounds(column: pa.ChunkedArray, low: float | None, high: float | None) -> RowMask:
    ok = np.ones(len(column), np.bool_)
    if low is not None:
        ok &= _true_or_null(pc.greater_equal(column, low))
    if high is not None:
        ok &= _true_or_null(pc.less_equal(column, high))
    return ok


def _passing_by_value(rule: Rule, values: pa.Array) -> RowMask:
    """IN_SET and the regexes; each distinct value of a dictionary is judged once."""
    if not pa.types.is_dictionary(values.type):
        return _passing_values(rule, values)
    of_value = _passing_values(rule, values.dictionary)
    return np.ones(len(values), np.bool_) if of_value.all() else _spread_to_rows(of_value, values, True)


def _spread_to_rows(of_value: RowMask, values: pa.DictionaryArray, of_null: bool) -> RowMask:
    """A mask over a dictionary's values as a mask over the rows."""
    places = values.indices.fill_null(len(of_value)).to_numpy(zero_copy_only=False)
    return np.asarray(np.append(of_value, of_null)[places])


def _passing_values(rule: Rule, values: pa.Array) -> RowMask:
    if rule.type == IN_SET:
        value_set = pa.array(rule.kwargs["value_set"]).cast(values.type)
        values = pc.add(values, 0.0) if pa.types.is_floating(values.type) else values  # minus zero is zero
        return numpy_mask(pc.or_(pc.is_null(values), pc.is_in(values, value_set=value_set)))
    if rule.type == MATCH and (spec := fixed_width.class_and_length(rule.kwargs["regex"])) is not None:
        return fixed_width.match_fixed_width(values, *spec)
    if forbids_line_breaks(rule) and _is_one_line(values):
        return np.ones(len(values), np.bool_)
    matched = pc.match_substring_regex(values, rule.kwargs["regex"])
    return _true_or_null(matched if rule.type == MATCH else pc.invert(matched))


def _is_one_line(values: pa.Array) -> bool:
    """Whether no string of the array's buffer holds a line break or a character beyond ASCII."""
    data = bytes(values.buffers()[2] or b"")
    return data.isascii() and b"\n" not in data and b"\r" not in data


def _condition_rows(text: str, table: pa.Table) -> RowMask:
    condition = CONDITION.fullmatch(text)
    assert condition is not None
    compare = pc.equal if condition["operator"] == "=" else pc.not_equal
    chunks = table[condition["column"]].chunks
    return np.concatenate(
        [np.empty(0, np.bool_), *(_comparison_mask(compare, chunk, condition["value"]) for chunk in chunks)]
    )


def _comparison_mask(compare: Any, values: pa.Array, value: str) -> RowMask:
    """Where the comparison holds; nowhere for NULL."""
    if pa.types.is_dictionary(values.type):
        return _spread_to_rows(numpy_mask(pc.fill_null(compare(values.dictionary, value), False)), values, False)
    return numpy_mask(pc.fill_null(compare(values, value), False))


def _true_or_null(arrow_mask: Any) -> RowMask:
    return numpy_mask(pc.fill_null(arrow_mask, True) if arrow_mask.null_count else arrow_mask)


def numpy_mask(arrow_mask: Any) -> RowMask:
    """An Arrow boolean array without NULL as numpy; shape (rows,)."""
    return np.asarray(
        arrow_mask.to_numpy() if isinstance(arrow_mask, pa.ChunkedArray) else arrow_mask.to_numpy(zero_copy_only=False)
    )


def constraint_sql(rule: Rule) -> str:
    """The rule as a Delta CHECK constraint that Spark and delta-rs both read."""
    arguments = rule.kwargs
    text = _rule_sql(rule)
    if "row_condition" in arguments:
        return f"NOT ({arguments['row_condition']}) OR {text}"
    return text


def _rule_sql(rule: Rule) -> str:
    arguments = rule.kwargs
    if rule.type in PAIRS:
        a, b = arguments["column_A"], arguments["column_B"]
        operator = "=" if rule.type == EQUAL else ">=" if arguments["or_equal"] else ">"
        return f"({a} IS NULL OR {b} IS NULL OR {a} {operator} {b})"
    column = arguments["column"]
    if rule.type == NOT_NULL:
        return f"{column} IS NOT NULL"
    return f"({column} IS NULL OR ({_value_sql(rule, column)}))"


def _value_sql(rule: Rule, column: str) -> str:
    arguments = rule.kwargs
    if rule.type == IN_SET:
        return f"{column} IN ({', '.join(map(_sql_literal, arguments['value_set']))})"
    if rule.type == BETWEEN:
        bounds = [(">=", arguments.get("min_value")), ("<=", arguments.get("max_value"))]
        return " AND ".join(f"{column} {operator} {bound}" for operator, bound in bounds if bound is not None)
    regex_sql = f"regexp_like({column}, {_sql_literal(arguments['regex'])})"
    return regex_sql if rule.type == MATCH else f"NOT {regex_sql}"


def _sql_literal(value: Any) -> str:
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)
