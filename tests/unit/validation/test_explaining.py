"""Whatever can break has a meaning and a remedy."""

from __future__ import annotations

import re

import pytest

from oilake.quality import explanations, row_expectations, scopes, suites
from oilake.quality.results import READER_TYPE, Result
from oilake.quality.suites import Expectation
from oilake.schemas import loader as schemas


def broken(expectation: Expectation) -> Result:
    return Result(
        expectation.name, expectation.type, tuple(expectation.columns), expectation.meta.scope, expectation.severity,
        expectation.description, False, unexpected_count=1,
    )  # fmt: skip


@pytest.mark.parametrize("table", schemas.table_names())
def test_every_expectation_has_a_meaning_and_a_remedy(table: str):
    for expectation in suites.load_suite(table).expectations:
        found = explanations.explain_broken(broken(expectation), expectation, table, f"{table} v3", "Make it anew.")
        for words in (found.meaning, found.remedy):
            assert len(words.split()) > 5, expectation.name
            assert not re.search(r"[{}$]", words), expectation.name
        if expectation.type == scopes.QUERY:
            assert expectation.name in explanations.packaged_explanations().by_name
            assert found.remedy == expectation.meta.remedy
        for column in (
            expectation.columns if expectation.name not in explanations.packaged_explanations().by_name else ()
        ):
            assert column in found.meaning or expectation.type == row_expectations.EQUAL


def test_every_type_is_explained_and_no_name_in_vain():
    said = explanations.packaged_explanations()
    assert set(said.by_type) == {*row_expectations.ARGUMENTS, *scopes.ARGUMENTS, READER_TYPE}
    assert all(words.remedy for words in said.by_type.values())
    assert set(said.by_name) <= {
        e.name for table in schemas.table_names() for e in suites.load_suite(table).expectations
    }
