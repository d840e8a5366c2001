"""Queries that hold a release against the one before it, written from what a suite declares of its table.

Each finds the rows of a difference that goes beyond a threshold of `conf/drift.yaml`, which stands in it as `$name`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from oilake.quality.scopes import EARLIER_PREFIX


@dataclass(frozen=True)
class NullShares:
    """Shares of rows without a value beside the release before: of `columns`, else of all that may be NULL, in every
    group of `by`.
    """

    by: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class RowsAnImage:
    """Rows an image that has any, beside the release before, in every group of `by`; `threshold`: of conf/drift.yaml."""

    by: tuple[str, ...]
    threshold: str = "rows_an_image"


@dataclass(frozen=True)
class ValueShares:
    """Shares of rows that have a value of one of `columns`, beside the release before, in every group of `by`."""

    columns: tuple[str, ...]
    by: tuple[str, ...] = ()


@dataclass(frozen=True)
class ListedEntries:
    """What a list names by `columns`: entries that the release before lacks, and those that only it has."""

    columns: tuple[str, ...]


DriftDeclaration = NullShares | RowsAnImage | ValueShares | ListedEntries
DECLARATIONS: dict[str, type[DriftDeclaration]] = {
    "null_shares": NullShares,
    "rows_an_image": RowsAnImage,
    "value_shares": ValueShares,
    "listed_entries": ListedEntries,
}


def drift_query(declared: DriftDeclaration, table: str) -> str:
    """The query of one declaration; of shares of NULL `columns` are all that are meant."""
    match declared:
        case NullShares(by, columns):
            return null_shares_query(table, by, columns)
        case RowsAnImage(by, threshold):
            return rows_an_image_query(table, by, threshold)
        case ValueShares(columns, by):
            return value_shares_query(table, by, columns)
        case ListedEntries(columns):
            return listed_entries_query(table, columns)


def null_shares_query(table: str, by: Sequence[str], columns: Sequence[str]) -> str:
    """The query for columns of `table` whose share of rows without a value is not, within `$null_share`, that of before."""
    groups = _selected_names(by)
    now, before = (_null_shares(batch, by, columns) for batch in ("{batch}", f"{EARLIER_PREFIX}{table}"))
    return (
        f"SELECT {groups}name AS column_name, round(now.share, 4) AS share, round(before.share, 4) AS share_before "
        f"FROM {now} now\nJOIN {before} before USING ({groups}name)\n"
        "WHERE before.share < 1 AND abs(now.share - before.share) > $null_share"
    )


def rows_an_image_query(table: str, by: Sequence[str], threshold: str) -> str:
    """The query for groups of `table` whose images have more than `$threshold` times as many rows as before, or as few."""
    groups, listed = _selected_names(by), ", ".join(by)
    count = "count(*) / approx_count_distinct(image_id) AS an_image"
    return (
        f"SELECT {groups}round(now.an_image, 4) AS an_image, round(before.an_image, 4) AS an_image_before "
        f"FROM (SELECT {groups}{count} FROM {{batch}} GROUP BY {listed}) now "
        f"JOIN (SELECT {groups}{count} FROM {EARLIER_PREFIX}{table}\n      GROUP BY {listed}) before USING ({listed})\n"
        f"WHERE now.an_image > ${threshold} * before.an_image OR before.an_image > ${threshold} * now.an_image"
    )


def value_shares_query(table: str, by: Sequence[str], columns: Sequence[str]) -> str:
    """The query for values of `columns` whose share of a group's rows is not, within `$value_share`, that of before.

    Groups of fewer than `$value_share_rows` rows in either release are left out.
    """
    groups = _selected_names(by)
    values = [f"{groups}'{column}' AS column_name, CAST({column} AS STRING) AS value" for column in columns]
    counted = _both_releases(table, values)
    whole = f"OVER (PARTITION BY {groups}column_name)"
    return (
        f"SELECT {groups}column_name, value, round(share, 4) AS share, round(share_before, 4) AS share_before\n"
        f"FROM (SELECT {groups}column_name, value, sum(now) / sum(sum(now)) {whole} AS share,\n"
        f"        sum(before) / sum(sum(before)) {whole} AS share_before,\n"
        f"        least(sum(sum(now)) {whole}, sum(sum(before)) {whole}) AS fewest\n"
        f"      FROM ({counted}) GROUP BY {groups}column_name, value)\n"
        "WHERE fewest >= $value_share_rows AND abs(share - share_before) > $value_share"
    )


def listed_entries_query(table: str, columns: Sequence[str]) -> str:
    """The query for entries of a list that came or went, where they are more than the share `$new_entries` or
    `$vanished_entries` of the entries of before.

    Rows that lack a name are no entries; of no entries before nothing is said.
    """
    names = ", ".join(columns)
    named = " AND ".join(f"{column} IS NOT NULL" for column in columns)
    return (
        f"SELECT {names}, IF(is_listed, 'new', 'vanished') AS change, changed, listed_before\n"
        f"FROM (SELECT {names}, sum(now) > 0 AS is_listed, sum(before) > 0 AS was_listed,\n"
        "        sum(IF(sum(before) > 0, 1, 0)) OVER () AS listed_before,\n"
        "        count(*) OVER (PARTITION BY sum(now) > 0, sum(before) > 0) AS changed\n"
        f"      FROM ({_both_releases(table, [names])}) WHERE {named} GROUP BY {names})\n"
        "WHERE is_listed <> was_listed AND listed_before > 0\n"
        "  AND changed > IF(is_listed, $new_entries, $vanished_entries) * listed_before"
    )


def _selected_names(names: Sequence[str]) -> str:
    return "".join(f"{name}, " for name in names)


def _both_releases(table: str, selections: Sequence[str]) -> str:
    """The rows of both releases by each selection of columns, with `now` and `before` as 1 where a row is of it, else 0."""
    sides = ((1, 0, "{batch}"), (0, 1, f"{EARLIER_PREFIX}{table}"))
    return " UNION ALL ".join(
        f"SELECT {selection}, {now} AS now, {before} AS before FROM {batch}"
        for selection in selections
        for now, before, batch in sides
    )


def _null_shares(batch: str, by: Sequence[str], columns: Sequence[str]) -> str:
    """A row a group and column with its share, as a subquery."""
    shares = ",\n    ".join(f"avg(IF({column} IS NULL, 1, 0)) AS {column}" for column in columns)
    grouped = f" GROUP BY {', '.join(by)}" if by else ""
    return (
        f"(SELECT {_selected_names(by)}name, share FROM\n  (SELECT {_selected_names(by)}{shares} FROM {batch}{grouped})\n"
        f"  UNPIVOT (share FOR name IN ({', '.join(columns)})))"
    )
