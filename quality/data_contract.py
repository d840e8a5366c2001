"""A table's contract in the Open Data Contract Standard, made of what `schemas/` and `quality/` say of it."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from oilake.quality import row_expectations, scopes
from oilake.quality.suites import Expectation, Suite, load_suite
from oilake.schemas import loader as schemas
from oilake.schemas.loader import Column, Table

Entry = dict[str, Any]

STANDARD = "v3.1.0"
GREAT_EXPECTATIONS = "great-expectations"
SCALARS = {
    pa.string(): "string", pa.binary(): "string", pa.int64(): "integer", pa.int32(): "integer", pa.float64(): "number",
    pa.bool_(): "boolean",
}  # fmt: skip
SEVERITIES = {"critical": "error", "warning": "warning", "info": "info"}


def table_contract(name: str, limitations: str) -> Entry:
    """The contract of a table; `limitations`: what is said of licences. Its version is that of the table's suite."""
    table, suite = schemas.table_schema(name), load_suite(name)
    described = {
        "name": name,
        "physicalName": name,
        "physicalType": "table",
        "description": table.description,
        "dataGranularityDescription": table.grain,
        "properties": [_column_entry(column, table) for column in table.columns],
        "quality": [_quality_entry(expectation, suite) for expectation in _told_apart(suite)],
        "relationships": [
            _reference_entry(expectation, name) for expectation in suite.expectations if _is_reference(expectation)
        ],
    }
    return {
        "apiVersion": STANDARD,
        "kind": "DataContract",
        "id": f"open-images-{name.replace('_', '-')}",
        "name": f"Open Images: {name}",
        "version": f"{suite.version}.0.0",
        "status": "active",
        "domain": "open-images",
        "description": {"purpose": table.description, "limitations": limitations},
        "schema": [{key: value for key, value in described.items() if value != []}],
    }


def _told_apart(suite: Suite) -> list[Expectation]:
    """The expectations that no property of a column says already (`required`)."""
    return [e for e in suite.expectations if e.type != row_expectations.NOT_NULL or e.kwargs.keys() - {"column"}]


def _column_entry(column: Column, table: Table) -> Entry:
    entry = _type_entry(column.name, schemas.arrow_type(column)) | {
        "physicalType": column.type,
        "description": column.description,
        "required": not column.nullable,
    }
    if column.name in table.key:
        entry |= {"primaryKey": True, "primaryKeyPosition": table.key.index(column.name) + 1}
    if column.name in table.partition_by:
        entry |= {"partitioned": True, "partitionKeyPosition": table.partition_by.index(column.name) + 1}
    return entry


def _type_entry(name: str | None, kind: pa.DataType) -> Entry:
    """The logical type of a column, a field or, without a name, an item; of what is nested also that of its parts."""
    named = {"name": name} if name else {}
    if pa.types.is_timestamp(kind):
        return {**named, "logicalType": "timestamp"}
    if pa.types.is_map(kind):
        return {**named, "logicalType": "object"}
    if pa.types.is_list(kind):
        return {**named, "logicalType": "array", "items": _type_entry(None, kind.value_type)}
    if pa.types.is_struct(kind):
        fields = [_type_entry(kind.field(n).name, kind.field(n).type) for n in range(kind.num_fields)]
        return {**named, "logicalType": "object", "properties": fields}
    return {**named, "logicalType": SCALARS[kind]}


def _quality_entry(expectation: Expectation, suite: Suite) -> Entry:
    """A promise as the standard asks it, where it can: of each row in SQL, of keys by a metric; any other in the words of
    Great Expectations."""
    entry = {
        "name": expectation.name,
        "description": expectation.description,
        "severity": SEVERITIES[expectation.severity],
        "customProperties": [
            {"property": name, "value": value}
            for name, value in (("scope", expectation.meta.scope), ("quarantineReason", expectation.meta.reason))
            if value
        ],
    }
    if expectation.type in row_expectations.ARGUMENTS:
        broken = f"SELECT count(*) FROM {suite.name} WHERE NOT ({row_expectations.constraint_sql(expectation.rule)})"
        return entry | {"type": "sql", "query": broken, "mustBe": 0}
    if expectation.type in scopes.UNIQUE:
        arguments = {"properties": expectation.columns}
        return entry | {"type": "library", "metric": "duplicateValues", "arguments": arguments, "mustBe": 0}
    implementation = {"type": expectation.type, "kwargs": expectation.kwargs}
    return entry | {"type": "custom", "engine": GREAT_EXPECTATIONS, "implementation": implementation}


def _is_reference(expectation: Expectation) -> bool:
    return expectation.meta.references is not None


def _reference_entry(expectation: Expectation, table: str) -> Entry:
    """A foreign key; of several columns as lists."""
    references = expectation.meta.references
    assert references is not None
    ours = [f"{table}.{column}" for column in references.columns]
    theirs = [f"{references.table}.{column}" for column in references.their_columns]
    return {"from": ours[0], "to": theirs[0]} if len(ours) == 1 else {"from": ours, "to": theirs}
