"""A table carries its suite in its own properties, so that any copy of it can be checked without this project's files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from oilake.conf import bounded_json
from oilake.conf.errors import ConfigError
from oilake.jobs.tables.delta_log import TableState
from oilake.jobs.tables.table_properties import change_properties
from oilake.jobs.tables.warehouse import Warehouse
from oilake.quality.suites import Suite, parse_suite

SUITE = "oilake.suite"
VERSION = "oilake.suite.version"
SHA256 = "oilake.suite.sha256"


def carried_properties(suite: Suite) -> dict[str, str]:
    """What a table's properties say of its suite: the text, its version and its hash."""
    return {SUITE: suite.text(), VERSION: str(suite.version), SHA256: suite.digest()}


def carried_suite(table: TableState) -> Suite:
    """The suite that the table carries; ConfigError when it has none, or one that does not fit its hash or its columns."""
    stored, where = table.metadata().configuration, table.table_uri
    if SUITE not in stored:
        raise ConfigError(f"{where}: carries no expectations; only tables that oilake made do")
    columns = {field["name"]: str(field["type"]) for field in json.loads(table.schema().to_json())["fields"]}
    try:
        document = bounded_json.parse_json(stored[SUITE])
    except ValueError as error:
        raise ConfigError(f"{where}: property {SUITE} is no suite ({error}); restore the table") from None
    suite = parse_suite(document, columns, f"{where}: property {SUITE}")
    if suite.digest() != stored.get(SHA256):
        raise ConfigError(f"{where}: property {SUITE} is not the one whose hash stands beside it; restore the table")
    return suite


def migrate_suite(warehouse: Warehouse, name: str, suite: Suite) -> list[str]:
    """Brings a table's properties up to date; a sentence for each thing that changed. Nothing is set where nothing changed.

    StoreError when other runs keep changing them.
    """
    stored = change_properties(
        warehouse,
        name,
        lambda properties: {} if properties.get(SHA256) == suite.digest() else carried_properties(suite),
    )
    return [] if stored is None else _migration_sentences(name, stored, suite)


def _migration_sentences(name: str, stored: Mapping[str, str], suite: Suite) -> list[str]:
    if SUITE not in stored:
        return [f"{name}: now carries its {len(suite.expectations)} expectations"]
    before = {declared["name"]: declared for declared in _named_expectations(json.loads(stored[SUITE]))}
    after = {declared["name"]: declared for declared in _named_expectations(json.loads(suite.text()))}
    return [f"{name}: {sentence}" for sentence in _change_sentences(before, after)] or [
        f"{name}: the suite's version changed"
    ]


def _named_expectations(document: dict[str, object]) -> Iterator[dict[str, object]]:
    """The declared expectations, each with its name beside its own keys."""
    for declared in document["expectations"]:  # type: ignore[attr-defined]
        kwargs = {"type": declared["type"], "kwargs": declared["kwargs"]}
        yield {**declared, "name": declared["meta"].get("name") or json.dumps(kwargs, sort_keys=True)}


def _change_sentences(before: dict[object, dict[str, object]], after: dict[object, dict[str, object]]) -> Iterator[str]:
    for name, declared in before.items():
        if name not in after:
            yield f"no longer promises that {declared['description']}"
    for name, declared in after.items():
        if name not in before:
            yield f"now promises that {declared['description']}"
        elif declared != before[name]:
            yield f"changed what it says of the promise that {declared['description']}"
