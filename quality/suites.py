"""One YAML a table, in the form of a Great Expectations suite; what cannot be compiled is refused as it is loaded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache, cached_property
from importlib.resources import files
from string import Template
from typing import Any, Literal

from oilake.conf import drift_thresholds
from oilake.conf.errors import ConfigError
from oilake.conf.yaml_loader import build_dataclass, load_yaml
from oilake.quality import argument_checks, derived_expectations, row_expectations, scopes
from oilake.quality.compiled_queries import ForeignKey
from oilake.quality.reasons import quarantine_reasons
from oilake.schemas.loader import Table
from oilake.schemas.loader import table_schema as load_schema

Severity = Literal["critical", "warning", "info"]
MOST_VERSIONS = 1 << 31


@dataclass(frozen=True)
class ExpectationMeta:
    """Ours, beside GE's own keys: how far an expectation reaches, and why a row that breaks it is quarantined.

    `name`: how the results call it, where its type and columns do not tell it from others. `reads`: the tables that a query
    names besides its own; `earlier_TABLE` is that table of the release before. `remedy`: what to do when it is broken.
    `references`: the foreign key that a query is written from.
    """

    scope: scopes.Scope
    reason: str | None = None
    name: str | None = None
    reads: tuple[str, ...] = ()
    remedy: str | None = None
    references: ForeignKey | None = None


@dataclass(frozen=True)
class Expectation:
    """One expectation in Great Expectations' own type, arguments and severity."""

    type: str
    kwargs: dict[str, Any]
    severity: Severity
    description: str
    meta: ExpectationMeta

    @property
    def rule(self) -> row_expectations.Rule:
        """The expectation's arguments, ready to be compiled."""
        return row_expectations.Rule(self.type, self.kwargs)

    @property
    def name(self) -> str:
        """What results, constraints and counts call it; unique in its suite."""
        return self.meta.name or _derived_name(self)

    @property
    def columns(self) -> list[str]:
        """The columns that it is about; empty for a query or a number of rows."""
        single_columns = [self.kwargs[key] for key in ("column", "column_A", "column_B") if key in self.kwargs]
        return single_columns or list(self.kwargs.get("column_list", ()))


@dataclass(frozen=True)
class Suite:
    """What one table promises, in the order of the file."""

    name: str
    expectations: tuple[Expectation, ...]
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def version(self) -> int:
        """The version that the declaration gives itself."""
        return int(self.meta.get("version", 0))

    def of(self, *wanted_scopes: scopes.Scope) -> list[Expectation]:
        """The expectations of some scopes, in the order of the file."""
        return [expectation for expectation in self.expectations if expectation.meta.scope in wanted_scopes]

    def rules(self, *wanted_scopes: scopes.Scope) -> list[Expectation]:
        """Those of some scopes that judge each row by itself."""
        return [
            expectation for expectation in self.of(*wanted_scopes) if expectation.type in row_expectations.ARGUMENTS
        ]

    def counted(self, *wanted_scopes: scopes.Scope) -> list[Expectation]:
        """Those of some scopes that are counted as rows pass: rules about each, and rows that repeat and may stay."""
        return [e for e in self.of(*wanted_scopes) if e.type in row_expectations.ARGUMENTS or self.may_repeat(e)]

    def may_repeat(self, expectation: Expectation) -> bool:
        """Whether it asks for rows that repeat in columns which are not the table's key."""
        return expectation.type in scopes.UNIQUE and expectation.columns != self.key()

    def key(self) -> list[str]:
        """The columns that tell the table's rows apart; empty where rows may repeat."""
        return next((e.columns for e in self.expectations if e.type in scopes.UNIQUE and e.severity == "critical"), [])

    def text(self) -> str:
        """The suite as JSON that Great Expectations and `parse` read, with its keys sorted."""
        return self._text

    def digest(self) -> str:
        """SHA-256 of its text."""
        return hashlib.sha256(self.text().encode()).hexdigest()

    @cached_property
    def _text(self) -> str:
        return json.dumps(_without_empty(asdict(self)), sort_keys=True)


def load_suite(table: str) -> Suite:
    """The suite of `table` with what follows from its schema and the thresholds of drift that are configured; ConfigError
    names the file and the expectation that cannot be compiled."""
    return _load_cached(table, drift_thresholds.load_thresholds())


@cache
def _load_cached(table: str, thresholds: drift_thresholds.DriftThresholds) -> Suite:
    path = files("oilake.quality") / f"{table}.yaml"
    suite = declared_suite(load_yaml(path), load_schema(table), str(path))
    filled = [_fill_thresholds(declared, thresholds.named(), str(path)) for declared in suite.expectations]
    return replace(suite, expectations=tuple(filled))


def declared_suite(document: Any, schema: Table, where: str) -> Suite:
    """The suite that a document of `quality/` and the schema of its table make together; ConfigError begins with `where`."""
    whole = derived_expectations.whole_entries(document, schema, where)
    build_dataclass(
        Suite, whole, where
    )  # counts the entries of the file, where `parse` counts those that are derived too
    columns = {column.name: column.type for column in schema.columns}
    return parse_suite(
        derived_expectations.complete_document(whole, schema), columns, f"{where}, counting what is derived"
    )


def _fill_thresholds(expectation: Expectation, thresholds: Mapping[str, str], where: str) -> Expectation:
    """A query with the thresholds that it and its description name as `$name`; every other expectation as it is."""
    if expectation.type != scopes.QUERY:
        return expectation
    query = expectation.kwargs["unexpected_rows_query"]
    try:
        return replace(
            expectation,
            kwargs={**expectation.kwargs, "unexpected_rows_query": Template(query).substitute(thresholds)},
            description=Template(expectation.description).substitute(thresholds),
        )
    except (KeyError, ValueError) as error:
        raise ConfigError(f"{where}: {expectation.name}: conf/drift.yaml has no threshold for $ ({error})") from None


def parse_suite(document: Any, columns: Mapping[str, str], where: str) -> Suite:
    """The suite in a YAML or JSON document, for a table of these columns; ConfigError begins with `where`."""
    suite = build_dataclass(Suite, document, where)
    version = suite.meta.get("version", 0)
    if type(version) is not int or not 0 <= version <= MOST_VERSIONS:
        raise ConfigError(
            f"{where}: meta.version must be a whole number from 0 to {MOST_VERSIONS}, not {str(version)[:40]!r}"
        )
    places = [f"{where}: expectations[{n}] ({e.type})" for n, e in enumerate(suite.expectations)]
    for expectation, place in zip(suite.expectations, places, strict=True):
        argument_checks.check_arguments(expectation.kwargs, place)
        scopes.check_expectation(expectation.rule, expectation.meta.scope, expectation.severity, columns, place)
    paired = {e.kwargs.get("column") for e in suite.expectations if row_expectations.forbids_line_breaks(e.rule)}
    names: set[str] = set()
    for expectation, place in zip(suite.expectations, places, strict=True):
        if expectation.meta.scope == "row" and expectation.meta.reason is None:
            raise ConfigError(f"{place}: meta.reason is missing; a row that breaks it is quarantined with a reason")
        if expectation.meta.reason is not None and expectation.meta.reason not in quarantine_reasons():
            raise ConfigError(f"{place}: unknown reason {expectation.meta.reason!r}; see quality/reasons.yaml")
        if expectation.type == scopes.QUERY:
            scopes.check_query(expectation.rule, expectation.meta.name, expectation.meta.reads, place)
        references = expectation.meta.references
        if references and (expectation.type != scopes.QUERY or references.table not in expectation.meta.reads):
            raise ConfigError(f"{place}: only a query has meta.references, and their table stands in meta.reads")
        if row_expectations.needs_no_line_breaks(expectation.rule) and expectation.kwargs["column"] not in paired:
            raise ConfigError(f"{place}: a regex that ends in $ must be paired with one that forbids line breaks")
        if expectation.name in names:
            raise ConfigError(f"{place}: another expectation is called {expectation.name}; give it a meta.name")
        names.add(expectation.name)
    return suite


def delta_constraints(suite: Suite) -> dict[str, str]:
    """Delta CHECK constraints by name, one for each row-level expectation that NOT NULL does not cover."""
    return {
        e.name: row_expectations.constraint_sql(e.rule)
        for e in suite.rules("row")
        if e.type != row_expectations.NOT_NULL
    }


def _derived_name(expectation: Expectation) -> str:
    if expectation.type in scopes.UNIQUE:
        return "key_is_unique"
    columns = [expectation.kwargs[key] for key in ("column", "column_A", "column_B") if key in expectation.kwargs]
    condition = ["where"] if "row_condition" in expectation.kwargs else []
    short_type = expectation.type.removeprefix("expect_").removeprefix("column_").removeprefix("values_to_")
    return "_".join([*columns, *condition, short_type])


def _without_empty(value: Any) -> Any:
    """Without the keys that say nothing, so that the text of a suite stays when a new optional key is invented."""
    if isinstance(value, dict):
        return {key: _without_empty(item) for key, item in value.items() if item is not None and item != ()}
    return [_without_empty(item) for item in value] if isinstance(value, list | tuple) else value
