"""Which queries are this version's own: whoever wrote a suite wrote the hash beside it too, so only its text tells."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from string import Template

from oilake.conf.yaml_loader import load_yaml
from oilake.quality import scopes
from oilake.quality.suites import Expectation, declared_suite
from oilake.schemas import loader as schemas

NUMBER = r"[0-9]{1,15}(?:\.[0-9]{1,18})?(?:e-?[0-9]{1,2})?"


def is_own(expectation: Expectation) -> bool:
    """Whether the query, and the tables that it reads, stand in `quality/` as they are, but for the thresholds' numbers."""
    query_and_reads = expectation.kwargs["unexpected_rows_query"], expectation.meta.reads
    return any(form.fullmatch(query_and_reads[0]) and reads == query_and_reads[1] for form, reads in _query_forms())


@cache
def _query_forms() -> tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]:
    """(what a query's whole text must match, the tables that it reads) of every query in `quality/`."""
    suites = [
        declared_suite(
            load_yaml(files("oilake.quality") / f"{name}.yaml"), schemas.table_schema(name), f"quality/{name}.yaml"
        )
        for name in schemas.table_names()
    ]
    declared = [expectation for suite in suites for expectation in suite.expectations]
    return tuple(
        (_query_pattern(expectation.kwargs["unexpected_rows_query"]), expectation.meta.reads)
        for expectation in declared
        if expectation.type == scopes.QUERY
    )


def _query_pattern(template: str) -> re.Pattern[str]:
    """The text of a query whose `$name` may be any plain number."""
    slots = [(slot.start(), slot.end()) for slot in Template.pattern.finditer(template)]
    starts, ends = [0, *(end for _, end in slots)], [*(start for start, _ in slots), len(template)]
    return re.compile(NUMBER.join(re.escape(template[a:b]) for a, b in zip(starts, ends, strict=True)))
