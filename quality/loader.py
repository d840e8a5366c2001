"""One YAML a table, in the form of a Great Expectations suite; what cannot be compiled is refused as it is loaded."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from conf.errors import ConfigError
from conf.strict import build, load_yaml
from quality import rules
from schemas.loader import load as load_schema


@dataclass(frozen=True)
class Meta:
    """Ours, beside GE's own keys: how far an expectation reaches, and why a row that breaks it is quarantined."""

    scope: Literal["row"]
    reason: str


@dataclass(frozen=True)
class Expectation:
    """One expectation in Great Expectations' own type, arguments and severity."""

    type: str
    kwargs: dict[str, Any]
    severity: Literal["critical", "warning", "info"]
    description: str
    meta: Meta

    @property
    def rule(self) -> rules.Rule:
        """The expectation's arguments, ready to be compiled."""
        return rules.Rule(self.type, self.kwargs)


@dataclass(frozen=True)
class Suite:
    """What one table promises, in the order of the file."""

    name: str
    expectations: tuple[Expectation, ...]
    meta: dict[str, Any] = field(default_factory=dict)


@cache
def reasons() -> dict[str, str]:
    """The closed list of quarantine reasons with their meaning."""
    found: dict[str, str] = load_yaml(files("quality") / "reasons.yaml")
    return found


@cache
def remedies() -> dict[str, str]:
    """What could be done about a quarantined row, by reason."""
    found: dict[str, str] = load_yaml(files("quality") / "remedies.yaml")
    return found


@cache
def load(table: str) -> Suite:
    """The suite of `table`; ConfigError names the file and the expectation that cannot be compiled."""
    path = files("quality") / f"{table}.yaml"
    suite = build(Suite, load_yaml(path), str(path))
    columns = {column.name: column.type for column in load_schema(table).columns}
    paired = {e.kwargs.get("column") for e in suite.expectations if rules.forbids_line_breaks(e.rule)}
    for n, expectation in enumerate(suite.expectations):
        where = f"{path}: expectations[{n}] ({expectation.type})"
        if expectation.meta.reason not in reasons():
            raise ConfigError(f"{where}: unknown reason {expectation.meta.reason!r}; see quality/reasons.yaml")
        rules.check(expectation.rule, columns, where)
        if rules.needs_no_line_breaks(expectation.rule) and expectation.kwargs["column"] not in paired:
            raise ConfigError(f"{where}: a regex that ends in $ must be paired with one that forbids line breaks")
    return suite


def constraints(table: str) -> dict[str, str]:
    """Delta CHECK constraints by name, one for each row-level expectation that NOT NULL does not cover."""
    found: dict[str, str] = {}
    for expectation in load(table).expectations:
        if expectation.type != rules.NOT_NULL:
            name = _name(expectation)
            found[f"{name}_{len(found)}" if name in found else name] = rules.sql(expectation.rule)
    return found


def _name(expectation: Expectation) -> str:
    columns = [expectation.kwargs[k] for k in ("column", "column_A", "column_B") if k in expectation.kwargs]
    condition = ["where"] if "row_condition" in expectation.kwargs else []
    return "_".join([*columns, *condition, expectation.type.removeprefix("expect_column_").removeprefix("values_to_")])
