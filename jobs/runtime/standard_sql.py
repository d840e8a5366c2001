"""How standard SQL writes texts and names, as DuckDB and PostgreSQL read it; Spark's own differs."""

from __future__ import annotations


def quote_text(text: str) -> str:
    """A text as a literal, whatever stands in it."""
    return "'" + text.replace("'", "''") + "'"


def quote_name(name: str) -> str:
    """The name of a column or a table, whatever stands in it."""
    return '"' + name.replace('"', '""') + '"'
