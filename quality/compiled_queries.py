"""The query that is written from a declared foreign key: rows without the row they refer to."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class ForeignKey:
    """A foreign key: what stands in `columns` stands in `their_columns` of `table`; a row that lacks a value refers to none.

    `counted_by`: the columns by which rows that break it are counted and shown, where not by `columns` themselves.
    """

    columns: tuple[str, ...]
    table: str
    their_columns: tuple[str, ...]
    counted_by: tuple[str, ...] = ()


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
