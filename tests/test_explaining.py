"""Whatever can break has a meaning and a remedy."""

from __future__ import annotations

import re

import pytest

from quality import explaining, loader, rules, scopes
from quality.loader import Expectation
from quality.results import READER, Result
from schemas import loader as schemas


def broken(expectation: Expectation) -> Result:
    return Result(
        expectation.name, expectation.type, tuple(expectation.columns), expectation.meta.scope, expectation.severity,
        expectation.description, False, unexpected_count=1,
    )  # fmt: skip


@pytest.mark.parametrize("table", schemas.names())
def test_every_expectation_has_a_meaning_and_a_remedy(table: str):
    for expectation in loader.load(table).expectations:
        found = explaining.explain(broken(expectation), expectation, table, f"{table} v3", "Make it anew.")
        for words in (found.meaning, found.remedy):
            assert len(words.split()) > 5, expectation.name
            assert not re.search(r"[{}$]", words), expectation.name
        if expectation.type == scopes.QUERY:
            assert expectation.name in explaining.known().by_name
            assert found.remedy == expectation.meta.remedy
        for column in expectation.columns if expectation.name not in explaining.known().by_name else ():
            assert column in found.meaning or expectation.type == rules.EQUAL


def test_every_type_is_explained_and_no_name_in_vain():
    said = explaining.known()
    assert set(said.by_type) == {*rules.ARGUMENTS, *scopes.ARGUMENTS, READER}
    assert all(words.remedy for words in said.by_type.values())
    assert set(said.by_name) <= {e.name for table in schemas.names() for e in loader.load(table).expectations}
