"""Each kind of contradiction has a warning, which is raised above its threshold and not at it."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

from oilake.conf.contradiction_rules import load_rules
from oilake.quality import scopes, suites

pytestmark = pytest.mark.lengthy

IMAGES = 400
# Contradictions in a subset of IMAGES images at which nothing is warned of yet.
TOLERATED = {"denied_ancestor": 100, "unlisted_class": 0, "unlisted_image": 0}


def warning_rows(kind: str, contradictions: int) -> int:
    """The rows that the kind's own expectation finds, those of all others being none."""
    told = {"subset": "test", "image_id": "0" * 16, "mid": None, "kind": kind, "source_1": "boxes"}
    schema = pa.schema([(name, pa.string()) for name in told])
    rows_by_name = {}
    with duckdb.connect() as connection:
        connection.register("batch", pa.Table.from_pylist([told] * contradictions, schema=schema))
        connection.register("images", pa.table({"subset": ["test"] * IMAGES + ["train"] * 10}))
        for expectation in suites.load_suite("contradictions").expectations:
            if expectation.type == scopes.QUERY:
                query = expectation.kwargs["unexpected_rows_query"].format(batch="batch")
                rows_by_name[expectation.name] = (f"'{kind}'" in query, len(connection.execute(query).fetchall()))
                assert expectation.severity == "warning"
    assert [rows for is_own, rows in rows_by_name.values() if not is_own and rows] == []
    (rows,) = [rows for is_own, rows in rows_by_name.values() if is_own]
    return rows


@pytest.mark.parametrize("kind", load_rules().kinds)
def test_a_kind_warns_above_its_threshold(kind: str):
    tolerated = TOLERATED.get(kind, 4)
    assert warning_rows(kind, tolerated) == 0
    assert warning_rows(kind, tolerated + 1) > 0
