"""The page of one table: what it is, what it promises, what broke a promise, and how that went over its versions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from oilake.conf import bounded_json
from oilake.jobs.reporting.html import GridColumn, render
from oilake.jobs.reporting.table_history import Promise, TableHistory, TablePart
from oilake.jobs.reporting.table_past import LOOK_COLUMNS, part_past
from oilake.jobs.reporting.wording import SCOPES, STATES, VERDICTS, ScopeWords, counted
from oilake.quality.reasons import quarantine_remedies

TABLE_COLUMNS = (GridColumn("column"), GridColumn("type"), GridColumn("may be NULL"), GridColumn("meaning"))
KEPT_OUT_COLUMNS = (
    GridColumn("because of"),
    GridColumn("in"),
    GridColumn("rows kept out", "number"),
    GridColumn("reason"),
)


class PromiseRow(NamedTuple):
    """A promise, and what became of it in each part of the table; None where a part was never asked for it."""

    promise: Promise
    outcomes: list[Promise | None]


class PromiseGroup(NamedTuple):
    """The promises of one scope."""

    title: str
    note: str
    columns: Sequence[GridColumn]
    rows: list[PromiseRow]


class ExampleGrid(NamedTuple):
    """Rows that break a promise. A value is None for NULL, and empty where an example has no such column."""

    caption: str
    columns: Sequence[GridColumn]
    rows: list[list[str | None]]


class Failure(NamedTuple):
    """A promise that is not kept in one part of the table, and what mends it."""

    part_name: str
    promise: Promise
    remedy: str | None
    examples: ExampleGrid | None


def table_page(table: TableHistory, gx_links: Sequence[tuple[str, str]]) -> str:
    """Return the whole HTML document. `gx_links`: (text, address) of Great Expectations' own pages about the table."""
    return render(
        "table_page.html",
        table=table,
        table_columns=TABLE_COLUMNS,
        verdict=_table_verdict(table),
        failures=_sorted_failures(table),
        kept_out=[(part, kept) for part in table.slices for kept in part.kept_out],
        kept_out_columns=KEPT_OUT_COLUMNS,
        groups=_promise_groups(table),
        pasts=[part_past(part) for part in table.slices],
        look_columns=LOOK_COLUMNS,
        gx_links=gx_links,
    )


def _table_verdict(table: TableHistory) -> str:
    states = table.states
    if not states:
        return VERDICTS[table.verdict]
    outcomes = ", ".join(f"{states[state]:,} {words.word}" for state, words in STATES.items() if states[state])
    promises, parts = counted(sum(states.values()), "promise"), counted(len(table.slices), "part")
    return f"{VERDICTS[table.verdict]} {outcomes} of {promises} in {parts}."


def _promise_groups(table: TableHistory) -> list[PromiseGroup]:
    scopes = dict.fromkeys([*SCOPES, *(expectation.meta.scope for expectation in table.suite.expectations)])
    parts = table.slices or [TablePart(table.suite, "", "", ())]
    names = [part.name for part in table.slices] or ["result"]
    head = (GridColumn("promise"), GridColumn("when broken"), *map(GridColumn, names))
    groups = []
    for scope in scopes:
        title, note = SCOPES.get(scope, ScopeWords(scope, ""))
        if rows := _promise_rows(parts, scope):
            groups.append(PromiseGroup(title, note, head, rows))
    return groups


def _promise_rows(parts: Sequence[TablePart], scope: str) -> list[PromiseRow]:
    by_name: dict[str, dict[str, Promise]] = {}
    for part in parts:
        for promise in part.promises:
            if promise.scope == scope:
                by_name.setdefault(promise.name, {})[part.name] = promise
    return [
        PromiseRow(next(iter(by_part.values())), [by_part.get(part.name) for part in parts])
        for by_part in by_name.values()
    ]


def _sorted_failures(table: TableHistory) -> list[Failure]:
    """Return what is not kept, the worst first."""
    failures = [
        _describe_failure(part, promise)
        for part in table.slices
        for promise in part.promises
        if promise.state not in ("kept", "unknown")
    ]
    order = list(STATES)
    return sorted(failures, key=lambda failure: order.index(failure.promise.state))


def _describe_failure(part: TablePart, promise: Promise) -> Failure:
    remedy = promise.remedy or quarantine_remedies().get(promise.reason or "")
    examples = promise.result.examples if promise.result else ()
    return Failure(part.name, promise, remedy, _example_grid(examples) if examples else None)


def _example_grid(examples: Sequence[str]) -> ExampleGrid:
    parsed = [_parsed_example(example) for example in examples]
    columns = list(dict.fromkeys(key for row in parsed for key in row))
    return ExampleGrid(
        f"{counted(len(parsed), 'example')}, with the key by which each is found again",
        [GridColumn(column) for column in columns],
        [[_example_value(row, column) for column in columns] for row in parsed],
    )


def _parsed_example(example: str) -> dict[str, Any]:
    try:
        parsed = bounded_json.parse_json(example)
    except ValueError:
        parsed = None
    return parsed if isinstance(parsed, dict) and parsed else {"found": example}


def _example_value(row: Mapping[str, Any], column: str) -> str | None:
    value = row.get(column, "")
    return value if value is None or isinstance(value, str) else json.dumps(value)
