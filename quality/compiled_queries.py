"""Queries that are written from what is declared: rows without the row they refer to, and shares of rows without a value."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from oilake.quality.scopes import EARLIER_PREFIX


@dataclass(frozen=True)
class ForeignKey:
    """A foreign key: what stands in `columns` stands in `their_columns` of `table`; a row that lacks a value refers to none.

    `counted_by`: the columns by which rows that break it are counted and shown, where not by `columns` themselves.
    """

    columns: tuple[str, ...]
    table: str
    their_columns: tuple[str, ...]
    counted_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class NullShares:
    """Shares of rows without a value beside the release before: of `columns`, else of all that may be NULL, in every
    group of `by`.
    """

    by: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


def orphans_query(references: ForeignKey, table: str, nullable: Collection[str]) -> str:
    """The query for rows of `table` that refer to no row, counted. `nullable`: the columns of `table` that may be NULL."""
    row, partner = table[0], references.table[0]
    if row == partner:
        partner = f"{partner}2"
    pairs = zip(references.columns, references.their_columns, strict=True)
    joined = " AND ".join(f"{partner}.{theirs} = {row}.{ours}" for ours, theirs in pairs)
    filled = "".join(f"{row}.{column} IS NOT NULL AND " for column in references.columns if column in nullable)
    shown = ", ".join(f"{row}.{column}" for column in references.counted_by or references.columns)
    return (
        f"SELECT {shown}, count(*) AS {table} FROM {{batch}} {row} "
        f"WHERE {filled}NOT EXISTS (SELECT 1 FROM {references.table} {partner} WHERE {joined}) GROUP BY {shown}"
    )


def null_shares_query(table: str, by: Sequence[str], columns: Sequence[str]) -> str:
    """The query for columns of `table` whose share of rows without a value is not, within `$null_share`, that of before."""
    groups = "".join(f"{column}, " for column in by)
    now, before = (_shares_subquery(batch, by, columns) for batch in ("{batch}", f"{EARLIER_PREFIX}{table}"))
    return (
        f"SELECT {groups}name AS column_name, round(now.share, 4) AS share, round(before.share, 4) AS share_before "
        f"FROM {now} now\nJOIN {before} before USING ({groups}name)\n"
        "WHERE before.share < 1 AND abs(now.share - before.share) > $null_share"
    )


def _shares_subquery(batch: str, by: Sequence[str], columns: Sequence[str]) -> str:
    """A row a group and column with its share, as a subquery."""
    groups = "".join(f"{column}, " for column in by)
    shares = ",\n    ".join(f"avg(IF({column} IS NULL, 1, 0)) AS {column}" for column in columns)
    grouped = f" GROUP BY {', '.join(by)}" if by else ""
    return (
        f"(SELECT {groups}name, share FROM\n  (SELECT {groups}{shares} FROM {batch}{grouped})\n"
        f"  UNPIVOT (share FOR name IN ({', '.join(columns)})))"
    )
