"""What became of an expectation, as a row of `quality_results`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from oilake.conf import bounded_json
from oilake.quality import row_expectations, scopes
from oilake.quality.metrics import EXAMPLES, ExpectationCount
from oilake.quality.suites import Expectation, Suite

READER_TYPE = "reader"


@dataclass(frozen=True)
class Result:
    """One expectation of one table's slice; the columns of `quality_results` that do not come from the run."""

    expectation: str
    type: str
    columns: tuple[str, ...]
    scope: str
    severity: str
    description: str
    success: bool
    element_count: int | None = None
    unexpected_count: int | None = None
    unexpected_percent: float | None = None
    observed: str | None = None
    quarantined_count: int | None = None
    examples: tuple[str, ...] = ()

    @property
    def is_broken(self) -> bool:
        """Whether nothing may be published that has this result."""
        return self.severity == "critical" and not self.success


def result_of_count(expectation: Expectation, count: ExpectationCount, quarantined: int | None = None) -> Result:
    """The result of what was counted: no row may break it, or for a number or a share of rows, it is as promised."""
    if expectation.type == scopes.ROW_COUNT:
        low, high = expectation.kwargs["min_value"], expectation.kwargs.get("max_value")
        success = low <= count.rows and (high is None or count.rows <= high)
        return _make_result(expectation, success, observed=str(count.rows), element_count=count.rows)
    if expectation.type == scopes.FILLED_SHARE:
        low, high = expectation.kwargs.get("min_value", 0), expectation.kwargs.get("max_value", 1)
        return _make_result(
            expectation, low <= count.filled <= high, observed=repr(count.filled), element_count=count.rows
        )
    is_query, with_value = expectation.type == scopes.QUERY, count.rows - count.missing
    with_value = count.rows if expectation.type == row_expectations.NOT_NULL else with_value
    return _make_result(
        expectation,
        count.unexpected == 0,
        element_count=None if is_query else count.rows,
        unexpected_count=count.unexpected,
        unexpected_percent=100 * count.unexpected / with_value if with_value and not is_query else None,
        quarantined_count=quarantined,
        examples=tuple(bounded_json.strict_json(example) for example in count.examples[:EXAMPLES]),
    )


def _make_result(expectation: Expectation, success: bool, **measured: Any) -> Result:
    return Result(
        expectation.name,
        expectation.type,
        tuple(expectation.columns),
        expectation.meta.scope,
        expectation.severity,
        expectation.description,
        success,
        **measured,
    )


def unreadable_results(suite: Suite, quarantined: Mapping[str, int], meanings: Mapping[str, str]) -> list[Result]:
    """What the reader sent to quarantine before an expectation could look at it, a result a reason."""
    expectation_names = {expectation.name for expectation in suite.expectations}
    return [
        Result(reason, READER_TYPE, (), "row", "critical", meanings.get(reason, reason), True, quarantined_count=rows)
        for reason, rows in sorted(quarantined.items())
        if reason not in expectation_names
    ]
