"""How far an expectation reaches, which types each scope knows, and which of them can hold a publication back.

`row`: each row by itself; the filter, the constraint and the audit judge it. `table`: all rows of a release in one table;
also each by itself, where a row that breaks the rule is told and stays.
`cross_table`: rows of several tables. `release`: what was published about a complete release, and the release before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import Formatter
from typing import Literal

from oilake.conf.errors import ConfigError
from oilake.quality import row_expectations
from oilake.quality.row_expectations import Rule

Scope = Literal["row", "table", "cross_table", "release"]

UNIQUE_COLUMN = "expect_column_values_to_be_unique"
UNIQUE_COLUMNS = "expect_compound_columns_to_be_unique"
UNIQUE = (UNIQUE_COLUMN, UNIQUE_COLUMNS)
ROW_COUNT = "expect_table_row_count_to_be_between"
FILLED_SHARE = "expect_column_proportion_of_non_null_values_to_be_between"
QUERY = "unexpected_rows_expectation"

ARGUMENTS: dict[str, tuple[set[str], set[str]]] = {
    UNIQUE_COLUMN: ({"column"}, set()),
    UNIQUE_COLUMNS: ({"column_list", "ignore_row_if"}, set()),
    ROW_COUNT: ({"min_value"}, {"max_value"}),
    FILLED_SHARE: ({"column"}, {"min_value", "max_value"}),
    QUERY: ({"unexpected_rows_query"}, set()),
}
TYPES_BY_SCOPE: dict[Scope, set[str]] = {
    "row": set(row_expectations.ARGUMENTS) - {row_expectations.EQUAL},
    "table": {*row_expectations.ARGUMENTS, UNIQUE_COLUMN, UNIQUE_COLUMNS, ROW_COUNT, FILLED_SHARE, QUERY}
    - {row_expectations.EQUAL},
    "cross_table": {QUERY},
    "release": {*row_expectations.ARGUMENTS, ROW_COUNT, FILLED_SHARE, QUERY},
}
# What one look at each row tells: whether it keeps a rule, or has a value.
COUNTED_PER_ROW = {*row_expectations.ARGUMENTS, FILLED_SHARE}
EARLIER_PREFIX = "earlier_"


def check_expectation(rule: Rule, scope: Scope, severity: str, columns: Mapping[str, str], where: str) -> None:
    """ConfigError, starting with `where`, when the scope does not know the type, or the arguments do not fit."""
    if rule.type not in {*row_expectations.ARGUMENTS, *ARGUMENTS}:
        raise ConfigError(
            f"{where}: unknown expectation type; known: {', '.join([*row_expectations.ARGUMENTS, *ARGUMENTS])}"
        )
    if rule.type not in TYPES_BY_SCOPE[scope]:
        raise ConfigError(f"{where}: not of scope {scope}, which knows {', '.join(sorted(TYPES_BY_SCOPE[scope]))}")
    if rule.type in row_expectations.ARGUMENTS:
        if scope == "table" and severity == "critical":
            raise ConfigError(f"{where}: not of scope table when it is critical; give it the scope row, or let it warn")
        row_expectations.check_rule(rule, columns, where)
        return
    needed, optional = ARGUMENTS[rule.type]
    if missing := needed - set(rule.kwargs):
        raise ConfigError(f"{where}: missing argument {', '.join(sorted(missing))}")
    if unknown := set(rule.kwargs) - needed - optional:
        raise ConfigError(f"{where}: unknown argument {', '.join(sorted(unknown))}")
    for name in [rule.kwargs.get("column"), *rule.kwargs.get("column_list", ())]:
        if name is not None and name not in columns:
            raise ConfigError(f"{where}: the table has no column {name!r}")
    if rule.type == UNIQUE_COLUMNS and rule.kwargs["ignore_row_if"] != "never":
        raise ConfigError(f"{where}: ignore_row_if must be never")
    if rule.type == FILLED_SHARE:
        _check_shares(rule, where)
    if rule.type == QUERY and severity == "critical":
        raise ConfigError(
            f"{where}: a query is asked of what is published, so it cannot hold a publication back; "
            "make its severity warning or info"
        )


def _check_shares(rule: Rule, where: str) -> None:
    share_arguments = [rule.kwargs[key] for key in ("min_value", "max_value") if key in rule.kwargs]
    if not share_arguments or not all(isinstance(share, int | float) and 0 <= share <= 1 for share in share_arguments):
        raise ConfigError(f"{where}: needs min_value, max_value or both, as shares from 0 to 1")


def check_query(rule: Rule, name: str | None, reads: Sequence[str], where: str) -> None:
    """ConfigError, starting with `where`, for a query without a name, without `{batch}` or with another brace."""
    try:
        parsed = list(Formatter().parse(rule.kwargs["unexpected_rows_query"]))
    except ValueError as error:
        raise ConfigError(
            f"{where}: unexpected_rows_query: {error}; it may hold {{batch}} and no other brace"
        ) from None
    if {(field, width, form) for _, field, width, form in parsed if field is not None} != {("batch", "", None)}:
        raise ConfigError(f"{where}: unexpected_rows_query must name {{batch}} and no other brace")
    if name is None:
        raise ConfigError(f"{where}: meta.name is missing; a query has no columns to be called by")
    if bad := [read for read in reads if not read.removeprefix(EARLIER_PREFIX).isidentifier()]:
        raise ConfigError(f"{where}: meta.reads: no table is called {', '.join(bad)}")
