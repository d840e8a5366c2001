"""Tells what the broken promises that a check found mean, which rows break them, and what mends them."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from oilake.conf import bounded_json
from oilake.jobs.tables.targets import Target
from oilake.jobs.validation.checker import Checked, not_asked
from oilake.quality.explanations import Explanation, explain
from oilake.quality.results import READER, Result
from oilake.schemas import loader as schemas

ROWS = 5
WIDTH = 40
WIDEST = 120
AGAIN = ("ingest", "reconcile", "duplicates", "figures", "expand")


def of(one: Checked, result: Result, is_copy: bool) -> Explanation:
    """What a broken promise of a checked slice means, and its likely remedy."""
    target = one.target
    declared = {expectation.name: expectation for expectation in target.suite.expectations}
    return explain(result, declared.get(result.expectation), target.table, target.name, _remake(target, is_copy))


def as_json(one: Checked, is_copy: bool) -> dict[str, object]:
    """The findings as plain data, every broken promise with its meaning and its remedy."""
    told = [
        {**asdict(result), **({} if result.success else asdict(of(one, result, is_copy)))} for result in one.results
    ]
    return {**one.as_json(), "results": told}


def lines(checked: Sequence[Checked], is_copy: bool) -> list[str]:
    """A paragraph a broken promise, and a last line where none is broken."""
    width = max(WIDTH, min(shutil.get_terminal_size().columns, WIDEST))
    told = [line for one in checked for r in one.results if not r.success for line in _lines(one, r, is_copy, width)]
    told = told or ["nothing to explain: every promise that was asked is kept"]
    return [*told, *(f"{one.target.name}: {line}" for one in checked for line in not_asked(one))]


def _lines(one: Checked, result: Result, is_copy: bool, width: int) -> Iterator[str]:
    found = of(one, result, is_copy)
    yield f"{one.target.name}: {result.expectation} ({result.severity})"
    yield from _part("promised", [result.description], width)
    yield from _part("found", [_found(result)], width)
    yield from _part("means", [found.meaning], width)
    yield from _part("rows" if result.type != READER else "files", [_row(e) for e in result.examples[:ROWS]], width)
    yield from _part("remedy", [found.remedy], width)
    yield ""


def _part(name: str, texts: Sequence[str], width: int) -> Iterator[str]:
    for n, text in enumerate(texts):
        head = f"  {name if n == 0 else '':9} "
        # A path or a command that is wider than the terminal is still copied whole.
        yield from textwrap.wrap(
            text, width, initial_indent=head, subsequent_indent=" " * 12, break_long_words=False, break_on_hyphens=False
        )


def _found(result: Result) -> str:
    if result.unexpected_count is None:
        return str(result.observed)
    what = "file" if result.type == READER else "row"
    rows = f"{result.unexpected_count:,} {what}{'' if result.unexpected_count == 1 else 's'}"
    of_all = f" of {result.element_count:,}" if result.element_count else ""
    shown = min(ROWS, len(result.examples))
    more = f", the first {shown} below" if shown < result.unexpected_count else ""
    return rows + of_all + more


def _row(example: str) -> str:
    """An example as `column=value`; what is no JSON object (a file and what ails it) as it is."""
    try:
        row = bounded_json.parse(example)
    except ValueError:
        return example
    if not isinstance(row, dict):
        return example
    return ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in row.items())


def _remake(target: Target, is_copy: bool) -> str:
    """How the rows of a slice are made anew, as a sentence."""
    if is_copy or target.table not in schemas.names():
        return "Copy the table again from where it is published."
    job = schemas.load(target.table).written_by
    if job == "changes" and target.release:
        return f"`oilake changes --from {target.since} --to {target.release} --force` makes these rows anew."
    if job in AGAIN and target.release:
        return f"`oilake {job} --release {target.release} --force` makes these rows anew."
    return f"Its rows come from `oilake {job}`, which adds to a record and makes none anew: restore an earlier version."
