"""The data dictionary, written from schemas/ and quality/: `python -m quality.data_dictionary`."""

from __future__ import annotations

from oilake.quality import suites as quality
from oilake.quality.reasons import quarantine_reasons
from oilake.quality.suites import Expectation
from oilake.schemas import loader as schemas
from oilake.schemas.loader import Table

INTRODUCTION = """# Data dictionary

Written by `make docs` from `schemas/` and `quality/`; a test holds it true. A promise about a row is kept three times:
by the filter that sends a row to quarantine at ingest, by a NOT NULL or CHECK constraint of the Delta table, and by the
Great Expectations suite of the same YAML file. Promises of a wider scope are judged before a table is published, queries
by `oilake check`.
"""


def dictionary_markdown() -> str:
    """The whole page."""
    return "\n".join(
        [
            INTRODUCTION,
            *(_table_section(schemas.table_schema(name)) for name in schemas.table_names()),
            _reasons_section(),
        ]
    )


def _table_section(table: Table) -> str:
    facts = [f"Grain: {table.grain}."]
    if table.key:
        facts.append(f"Key: {_code_list(table.key)}.")
    if table.partition_by:
        facts.append(f"Partitioned by {_code_list(table.partition_by)}.")
    if table.sort_by:
        facts.append(f"Sorted by {_code_list(table.sort_by)} inside a partition.")
    columns = [f"| `{c.name}` | {c.type} | {'yes' if c.nullable else 'no'} | {c.description} |" for c in table.columns]
    lines = [f"## {table.table}", "", table.description, "", " ".join(facts), ""]
    lines += [
        "| column | type | may be NULL | meaning |",
        "|---|---|---|---|",
        *columns,
        "",
        *_expectation_rows(table.table),
        "",
    ]
    return "\n".join(lines)


def _expectation_rows(table: str) -> list[str]:
    rows = [_expectation_row(expectation) for expectation in quality.load_suite(table).expectations]
    return ["| promise | scope | severity | called | reason in quarantine |", "|---|---|---|---|---|", *rows]


def _expectation_row(expectation: Expectation) -> str:
    reason = f"`{expectation.meta.reason}`" if expectation.meta.reason else ""
    scope = expectation.meta.scope.replace("_", " ")
    return f"| {expectation.description} | {scope} | {expectation.severity} | `{expectation.name}` | {reason} |"


def _reasons_section() -> str:
    rows = [f"| `{reason}` | {meaning} |" for reason, meaning in quarantine_reasons().items()]
    return "\n".join(["## Reasons in quarantine", "", "| reason | meaning |", "|---|---|", *rows, ""])


def _code_list(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    print(dictionary_markdown(), end="")
