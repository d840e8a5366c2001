"""Conditions in SQL that a person gives: functions of a row's own values, and nothing that reads or calls anything else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from pyspark.sql import DataFrame

from oilake.conf.errors import ConfigError, OilakeError, StoreError
from oilake.jobs.runtime.error_text import SPARK_ERRORS, error_line

CHARACTERS = 10_000
NESTED = 200
UNREAD_FILE = "FAILED_READ_FILE"
# What Spark's parser makes of operators, and of functions that have a syntax of their own.
OPERATORS = """
    Add And BitwiseAnd BitwiseNot BitwiseOr BitwiseXor CaseWhen Cast Concat CreateNamedStruct Divide EqualNullSafe EqualTo
    GreaterThan GreaterThanOrEqual ILike In IntegralDivide IsNotNull IsNull IsNotUnknown IsUnknown LessThan
    LessThanOrEqual Like LikeAll LikeAny Literal Multiply Not NotLikeAll NotLikeAny Or RLike Remainder StringLocate
    StringTrim StringTrimBoth StringTrimLeft StringTrimRight Substring Subtract UnaryMinus UnaryPositive
    UnresolvedAttribute UnresolvedExtractValue LambdaFunction UnresolvedNamedLambdaVariable
"""
# Called in each other, none of them makes its result longer and longer: the length of the condition bounds it all.
FUNCTIONS = """
    abs array array_contains array_max array_min array_position array_size arrays_overlap ascii between bigint bit_length
    boolean btrim cardinality cast ceil ceiling char_length character_length coalesce concat concat_ws contains crc32
    current_date current_timestamp date date_add date_diff date_format date_sub date_trunc dateadd datediff day dayofmonth
    dayofweek dayofyear decimal double element_at endswith equal_null exists extract filter float floor forall get
    greatest hash hour if ifnull ilike in initcap instr int isnan isnotnull isnull lcase least left len length like
    locate lower ltrim map_contains_key map_keys map_values md5 minute mod month named_struct nanvl now nullif nvl nvl2
    octet_length pmod position quarter rand regexp regexp_count regexp_extract regexp_instr regexp_like reverse right
    rlike round rtrim second sha1 sha2 sign signum size smallint split_part sqrt startswith string substr substring
    timestamp tinyint to_date to_timestamp trim trunc try_add try_divide try_element_at try_multiply try_subtract typeof
    ucase unhex unix_timestamp upper weekday weekofyear xxhash64 year
"""
TRAIL = re.compile(r"\s*SQLSTATE: \w+;?|\s*[;(]?\s*line \d+, ?pos(?:ition)? \d+\)?;?|\s*;? ?line \d+ pos \d+;?")
CLASS = re.compile(r"^\[[A-Z0-9_.]+\] ")


def filter_by_condition(frame: DataFrame, condition: str) -> DataFrame:
    """The rows that meet a condition in Spark SQL; ConfigError where it does not fit, or looks at more than the row."""
    try:
        _refuse_unsafe_condition(frame, condition)
        return frame.where(condition)
    except SPARK_ERRORS as error:
        raise ConfigError(f"--where: {spark_sentence(error)}; see `oilake show --help` for an example") from None


def reading_error(error: BaseException, folder: str, condition: str | None) -> OilakeError:
    """What ended the reading of a table's rows: its files, or a value that the condition cannot take."""
    if condition is None or UNREAD_FILE in str(error):
        return StoreError(
            f"{folder}: its rows cannot be read ({spark_sentence(error)}); publish the release again with --force"
        )
    return ConfigError(f"--where: {spark_sentence(error)}")


def spark_sentence(error: BaseException) -> str:
    """What Spark says about SQL, without its error class, its state and its positions."""
    return TRAIL.sub("", CLASS.sub("", error_line(error))).strip(" .;:") or type(error).__name__


def _refuse_unsafe_condition(frame: DataFrame, condition: str) -> None:
    """ConfigError where a part of the condition is none of those that are known to look at the row alone."""
    if len(condition) > CHARACTERS or _bracket_depth(condition) > NESTED:
        raise ConfigError(
            f"--where: a condition has at most {CHARACTERS:,} characters and {NESTED} brackets in each other; shorten it"
        )
    parser: Any = frame.sparkSession._jsparkSession.sessionState().sqlParser()
    for part in _tree_nodes(parser.parseExpression(condition)):
        kind = part.getClass().getSimpleName()
        if kind == "UnresolvedFunction":
            name = part.nameParts().mkString(".").lower()
            if name not in FUNCTIONS.split():
                near = (
                    ", ".join(get_close_matches(name, FUNCTIONS.split())) or "lower, length, coalesce, array_contains"
                )
                raise ConfigError(f"--where: a condition cannot call {name}(); it may call functions such as {near}")
        elif kind not in OPERATORS.split():
            raise ConfigError(
                f"--where: a condition compares the columns of one row, and {_spaced_words(kind)} is no part of that; leave "
                "it out"
            )


def _bracket_depth(text: str) -> int:
    depth = most = 0
    for sign in text:
        depth += {"(": 1, ")": -1}.get(sign, 0)
        most = max(most, depth)
    return most


def _tree_nodes(tree: Any) -> Iterator[Any]:
    waiting = [tree]
    while waiting:
        part = waiting.pop()
        yield part
        children = part.children().iterator()
        while children.hasNext():
            waiting.append(children.next())


def _spaced_words(kind: str) -> str:
    """`ScalarSubquery` as `scalar subquery`."""
    return " ".join(re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]+", kind)).lower() or "what stands there"
