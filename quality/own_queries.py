"""Which queries are this version's own: whoever wrote a suite wrote the hash beside it too, so only its text tells."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from string import Template
from typing import NamedTuple

from oilake.conf.yaml_loader import load_yaml
from oilake.quality import scopes
from oilake.quality.suites import Expectation, declared_suite
from oilake.schemas import loader as schemas

NUMBER = r"[0-9]{1,15}(?:\.[0-9]{1,18})?(?:e-?[0-9]{1,2})?"


def is_own(expectation: Expectation, table: str | None = None) -> bool:
    """Whether the query, and the tables that it reads, stand in `quality/` as they are, but for the thresholds' numbers;
    looked for first in the suite of `table`."""
    query, reads = expectation.kwargs["unexpected_rows_query"], expectation.meta.reads
    names = sorted(schemas.table_names(), key=lambda name: name != table)
    return any(
        form.reads == reads and _query_pattern(form.template).fullmatch(query)
        for name in names
        for form in _query_forms(name)
    )


class QueryForm(NamedTuple):
    """A query of ours, with `$name` for each threshold, and the tables that it reads."""

    template: str
    reads: tuple[str, ...]


@cache
def _query_forms(table: str) -> tuple[QueryForm, ...]:
    """The queries in the table's suite as `quality/` has it."""
    path = files("oilake.quality") / f"{table}.yaml"
    suite = declared_suite(load_yaml(path), schemas.table_schema(table), f"quality/{table}.yaml")
    return tuple(
        QueryForm(expectation.kwargs["unexpected_rows_query"], expectation.meta.reads)
        for expectation in suite.expectations
        if expectation.type == scopes.QUERY
    )


@cache
def _query_pattern(template: str) -> re.Pattern[str]:
    """The text of a query whose `$name` may be any plain number."""
    slots = [(slot.start(), slot.end()) for slot in Template.pattern.finditer(template)]
    starts, ends = [0, *(end for _, end in slots)], [*(start for start, _ in slots), len(template)]
    return re.compile(NUMBER.join(re.escape(template[a:b]) for a, b in zip(starts, ends, strict=True)))
