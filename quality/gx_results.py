"""Great Expectations' own result objects, made by its own code from metrics that were counted elsewhere."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from oilake.quality import row_expectations, scopes
from oilake.quality.metrics import EXAMPLES, ExpectationCount
from oilake.quality.suites import Expectation

if TYPE_CHECKING:
    from great_expectations.core import ExpectationValidationResult

IMPORT_LOCK = threading.Lock()


def gx_validation(
    expectation: Expectation, count: ExpectationCount, index: Sequence[str]
) -> ExpectationValidationResult:
    """What Great Expectations makes of the counts, in its SUMMARY format with up to 20 examples.

    `index`: the columns by which an example is found again, its key.
    """
    declared = {
        "type": expectation.type,
        "kwargs": dict(expectation.kwargs),
        "meta": {key: value for key, value in asdict(expectation.meta).items() if value},
        "description": expectation.description,
        "severity": expectation.severity,
    }
    gx_expectation, dependencies = _gx_expectation(json.dumps(declared), tuple(index))
    metrics = {name: _metric_value(name, expectation, count, index) for name in dependencies.metric_configurations}
    raw = gx_expectation._validate(metrics=metrics, runtime_configuration={"result_format": dependencies.result_format})
    result: ExpectationValidationResult = gx_expectation._build_evr(raw)
    return result


@functools.lru_cache(maxsize=2048)
def _gx_expectation(declared: str, index: tuple[str, ...]) -> tuple[Any, Any]:
    """Great Expectations' object of an expectation, and the metrics that it asks for, which it takes 8 ms to tell.

    They are the same for each release, so that its two steps behind them are called one by one, not `metrics_validate`,
    which asks for the metrics again.
    """
    import_gx()
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.expectations.metadata_types import FailureSeverity

    fields = json.loads(declared)
    is_query = fields["type"] == scopes.QUERY
    result_format: dict[str, Any] = {
        "result_format": "COMPLETE" if is_query else "SUMMARY",
        "partial_unexpected_count": EXAMPLES,
    }
    if index and not is_query:
        result_format["unexpected_index_column_names"] = list(index)
    severity = FailureSeverity(fields["severity"])
    gx_expectation = ExpectationConfiguration(**{**fields, "severity": severity}).to_domain_obj()
    return gx_expectation, gx_expectation.get_validation_dependencies(None, {"result_format": result_format})


def _metric_value(name: str, expectation: Expectation, count: ExpectationCount, index: Sequence[str]) -> Any:
    """The value of one of Great Expectations' metrics, by its name."""
    if name == "table.row_count":
        return count.rows
    if name == "column.non_null_proportion":
        return count.filled
    if name == "unexpected_rows_query.row_count":
        return count.unexpected
    if name == "unexpected_rows_query.table":
        return count.examples
    suffix = name.rpartition(".")[2]
    if suffix == "unexpected_count":
        nulls = name.startswith("column_values.nonnull") and expectation.type != row_expectations.NOT_NULL
        return count.missing if nulls else count.unexpected
    if suffix == "unexpected_values":
        return [_example_value(expectation, example) for example in _example_rows(expectation, count)]
    if suffix == "unexpected_index_list":
        columns = [*expectation.columns, *index]
        return [{key: example.get(key) for key in columns} for example in _example_rows(expectation, count)]
    if suffix == "filtered_row_count":
        return count.rows - count.missing
    return None


def _example_rows(expectation: Expectation, count: ExpectationCount) -> list[dict[str, Any]]:
    """The examples, a row each: ours show a key that repeats once, with the number of its rows."""
    if expectation.type not in scopes.UNIQUE:
        return count.examples
    return [example for example in count.examples for _ in range(min(example["rows"], EXAMPLES))][:EXAMPLES]


def _example_value(expectation: Expectation, example: dict[str, Any]) -> Any:
    """What Great Expectations shows of a row: the value of one column, a pair of values, or a key by its columns."""
    columns = expectation.columns
    if expectation.type in scopes.UNIQUE and len(columns) > 1:
        return {column: example.get(column) for column in columns}
    if len(columns) > 1:
        return tuple(example.get(column) for column in columns)
    return example.get(columns[0])


def import_gx() -> None:
    """Loads what `validation` needs, which takes seconds; a second thread waits, since half of it is no use."""
    with IMPORT_LOCK:
        from great_expectations.expectations import expectation_configuration, registry  # noqa: F401
