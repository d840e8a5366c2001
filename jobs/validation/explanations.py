"""Tells what the broken promises that a check found mean, which rows break them, and what mends them."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from oilake.conf import bounded_json
from oilake.jobs.tables.targets import CheckTarget
from oilake.jobs.validation.checker import TargetFindings, not_asked_lines
from oilake.quality.explanations import Explanation, explain_broken
from oilake.quality.results import READER_TYPE, Result
from oilake.schemas import loader as schemas

ROWS = 5
WIDTH = 40
WIDEST = 120
AGAIN = ("ingest", "reconcile", "contradictions", "duplicates", "figures", "expand", "index", "verify --masks")


def explain_result(findings: TargetFindings, result: Result, is_copy: bool) -> Explanation:
    """What a broken promise of a checked slice means, and its likely remedy."""
    target = findings.target
    declared = {expectation.name: expectation for expectation in target.suite.expectations}
    return explain_broken(
        result, declared.get(result.expectation), target.table, target.name, _remake_sentence(target, is_copy)
    )


def findings_as_json(findings: TargetFindings, is_copy: bool) -> dict[str, object]:
    """The findings as plain data, every broken promise with its meaning and its remedy."""
    explained_results = [
        {**asdict(result), **({} if result.success else asdict(explain_result(findings, result, is_copy)))}
        for result in findings.results
    ]
    return {**findings.as_json(), "results": explained_results}


def explanation_lines(checked: Sequence[TargetFindings], is_copy: bool) -> list[str]:
    """A paragraph a broken promise, and a last line where none is broken."""
    width = max(WIDTH, min(shutil.get_terminal_size().columns, WIDEST))
    text_lines = [
        line
        for findings in checked
        for r in findings.results
        if not r.success
        for line in _result_lines(findings, r, is_copy, width)
    ]
    text_lines = text_lines or ["nothing to explain: every promise that was asked is kept"]
    return [
        *text_lines,
        *(f"{findings.target.name}: {line}" for findings in checked for line in not_asked_lines(findings)),
    ]


def _result_lines(findings: TargetFindings, result: Result, is_copy: bool, width: int) -> Iterator[str]:
    explanation = explain_result(findings, result, is_copy)
    yield f"{findings.target.name}: {result.expectation} ({result.severity})"
    yield from _wrapped_part("promised", [result.description], width)
    yield from _wrapped_part("found", [_found_sentence(result)], width)
    yield from _wrapped_part("means", [explanation.meaning], width)
    yield from _wrapped_part(
        "rows" if result.type != READER_TYPE else "files", [_example_row(e) for e in result.examples[:ROWS]], width
    )
    yield from _wrapped_part("remedy", [explanation.remedy], width)
    yield ""


def _wrapped_part(name: str, texts: Sequence[str], width: int) -> Iterator[str]:
    for n, text in enumerate(texts):
        head = f"  {name if n == 0 else '':9} "
        # A path or a command that is wider than the terminal is still copied whole.
        yield from textwrap.wrap(
            text, width, initial_indent=head, subsequent_indent=" " * 12, break_long_words=False, break_on_hyphens=False
        )


def _found_sentence(result: Result) -> str:
    if result.unexpected_count is None:
        return str(result.observed)
    what = "file" if result.type == READER_TYPE else "row"
    rows = f"{result.unexpected_count:,} {what}{'' if result.unexpected_count == 1 else 's'}"
    of_all = f" of {result.element_count:,}" if result.element_count else ""
    shown = min(ROWS, len(result.examples))
    more = f", the first {shown} below" if shown < result.unexpected_count else ""
    return rows + of_all + more


def _example_row(example: str) -> str:
    """An example as `column=value`; what is no JSON object (a file and what ails it) as it is."""
    try:
        row = bounded_json.parse_json(example)
    except ValueError:
        return example
    if not isinstance(row, dict):
        return example
    return ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in row.items())


def _remake_sentence(target: CheckTarget, is_copy: bool) -> str:
    """How the rows of a slice are made anew, as a sentence."""
    if is_copy or target.table not in schemas.table_names():
        return "Copy the table again from where it is published."
    job = schemas.table_schema(target.table).written_by
    if job == "changes" and target.release:
        return f"`oilake changes --from {target.since} --to {target.release} --force` makes these rows anew."
    if job in AGAIN and target.release:
        return f"`oilake {job} --release {target.release} --force` makes these rows anew."
    return f"Its rows come from `oilake {job}`, which adds to a record and makes none anew: restore an earlier version."
