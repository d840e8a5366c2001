"""What a suite need not declare: the promises that follow from the table's schema, each written out in its place.

A column that is not nullable has a value in every row; a regex that ends in `$` forbids line breaks; `meta.references` and
what `quality/drift_queries.py` declares are queries. A person reads in `quality/<table>.yaml` what no schema can know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from oilake.conf.errors import ConfigError
from oilake.conf.yaml_loader import build_dataclass
from oilake.quality import row_expectations, scopes
from oilake.quality.compiled_queries import ForeignKey, orphans_query
from oilake.quality.drift_queries import (
    DECLARATIONS,
    DriftDeclaration,
    ListedEntries,
    NullShares,
    RowsAnImage,
    ValueShares,
    drift_query,
)
from oilake.schemas import loader as schemas
from oilake.schemas.loader import Table

SuiteEntry = dict[str, Any]

ANY_LINE_BREAK = "[\n\r\u0085\u2028\u2029]"
NEVER_NULL = "every row has a value in {column}"
NO_LINE_BREAK = "no line break stands in {column} (regex engines differ on $ before one)"
# In a file this stands for the NOT NULL of every column that has none before it; else each stands before the first
# expectation about its column or a later one.
ALL_OTHERS = {"type": row_expectations.NOT_NULL}


def whole_entries(document: Any, schema: Table, where: str) -> Any:
    """`document` with a query for each declared foreign key and drift, and each entry as long as a suite needs it.

    ConfigError names `where` and the entry whose columns or tables there are not. What is no suite at all is given back.
    """
    entries = document.get("expectations") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        return document
    places = [f"expectations[{index}]" for index in range(len(entries))]
    whole = [_whole_entry(entry, schema, where, place) for entry, place in zip(entries, places, strict=True)]
    return {**document, "expectations": whole}


def _whole_entry(entry: Any, schema: Table, where: str, place: str) -> Any:
    if entry == ALL_OTHERS:
        return {**_not_null_entry(""), "kwargs": {}}
    meta = entry.get("meta") if isinstance(entry, dict) else None
    if not isinstance(meta, dict) or not meta.keys() & {"references", *DECLARATIONS}:
        return entry
    if "kwargs" in entry or "reads" in meta or entry.get("type") != scopes.QUERY:
        raise ConfigError(
            f"{where}: {place}: its query is written from meta, so its type is {scopes.QUERY}; leave out kwargs and reads"
        )
    if "references" in meta:
        references = build_dataclass(ForeignKey, meta["references"], where, f"{place}.meta.references")
        _check_references(references, schema, f"{where}: {place}.meta.references")
        return _query_entry(
            entry, orphans_query(references, schema.table, _nullable_columns(schema)), references.table, meta
        )
    kind = next(name for name in DECLARATIONS if name in meta)
    declared = build_dataclass(DECLARATIONS[kind], meta[kind], where, f"{place}.meta.{kind}")
    whole = _whole_drift(declared, schema, f"{where}: {place}.meta.{kind}")
    kept = {key: value for key, value in meta.items() if key != kind}
    return _query_entry(entry, drift_query(whole, schema.table), f"{scopes.EARLIER_PREFIX}{schema.table}", kept)


def _query_entry(entry: SuiteEntry, query: str, reads: str, meta: SuiteEntry) -> SuiteEntry:
    return {**entry, "kwargs": {"unexpected_rows_query": query}, "meta": {**meta, "reads": [reads]}}


def _nullable_columns(schema: Table) -> list[str]:
    return [column.name for column in schema.columns if column.nullable]


def _check_references(references: ForeignKey, schema: Table, where: str) -> None:
    try:
        theirs = {column.name: column.type for column in schemas.table_schema(references.table).columns}
    except ConfigError as error:
        raise ConfigError(f"{where}.table: {error}") from None
    ours = {column.name: column.type for column in schema.columns}
    if not references.columns or len(references.columns) != len(references.their_columns):
        raise ConfigError(f"{where}: columns and their_columns must be as many, and one at least")
    _check_columns([*references.columns, *references.counted_by], schema, where)
    _check_columns(references.their_columns, schemas.table_schema(references.table), where)
    for our_column, their_column in zip(references.columns, references.their_columns, strict=True):
        if ours[our_column] != theirs[their_column]:
            raise ConfigError(
                f"{where}: {our_column} is {ours[our_column]}, but {their_column} of {references.table} is "
                f"{theirs[their_column]}; refer to a column of the same type"
            )


def _whole_drift(declared: DriftDeclaration, schema: Table, where: str) -> DriftDeclaration:
    """The declaration with the columns that it means; ConfigError begins with `where`."""
    if isinstance(declared, NullShares):
        columns = [name for name in declared.columns or _nullable_columns(schema) if name not in declared.by]
        _check_null_shares(declared.by, columns, schema, where)
        return replace(declared, columns=tuple(columns))
    names = (declared.by, ("image_id",)) if isinstance(declared, RowsAnImage) else (declared.columns,)
    grouped = () if isinstance(declared, ListedEntries) else declared.by
    _check_columns([*grouped, *chain(*names)], schema, where)
    if not all(names):
        raise ConfigError(f"{where}: name one column at least")
    if isinstance(declared, ValueShares) and (
        at_times := [name for name in declared.columns if name in _nullable_columns(schema)]
    ):
        raise ConfigError(f"{where}: {', '.join(at_times)} may be NULL, which is no value; declare null_shares of it")
    return declared


def _check_null_shares(by: Sequence[str], columns: Sequence[str], schema: Table, where: str) -> None:
    _check_columns([*by, *columns], schema, where)
    if not columns:
        raise ConfigError(f"{where}: no column of schemas/{schema.table}.yaml may be NULL; leave the expectation out")
    if never := [name for name in columns if name not in _nullable_columns(schema)]:
        raise ConfigError(f"{where}: {', '.join(never)} is never NULL by schemas/{schema.table}.yaml; leave it out")


def _check_columns(names: Iterable[str], schema: Table, where: str) -> None:
    columns = [column.name for column in schema.columns]
    if unknown := [name for name in names if name not in columns]:
        raise ConfigError(
            f"{where}: {schema.table} has no column {', '.join(unknown)}; see schemas/{schema.table}.yaml"
        )


def complete_document(document: Any, schema: Table) -> Any:
    """`document`, whose entries are whole, with the expectations that follow from the schema and from its own entries."""
    return {**document, "expectations": list(_complete_entries(document["expectations"], schema))}


def _complete_entries(entries: Sequence[SuiteEntry], schema: Table) -> Iterator[SuiteEntry]:
    declared = [_column_and_condition(entry) for entry in entries if entry["type"] == row_expectations.NOT_NULL]
    left = [column.name for column in schema.columns if not column.nullable and (column.name, None) not in declared]
    paired = [_column_and_condition(entry) for entry in entries if entry["kwargs"].get("regex") == ANY_LINE_BREAK]
    for entry in entries:
        due = _columns_due(entry, schema)
        yield from (_not_null_entry(name) for name in left if name in due)
        left = [name for name in left if name not in due]
        if not _stands_for_all_others(entry):
            yield entry
        is_open = row_expectations.needs_no_line_breaks(row_expectations.Rule(entry["type"], entry["kwargs"]))
        if is_open and _column_and_condition(entry) not in paired:
            paired.append(_column_and_condition(entry))
            yield _line_break_entry(entry)
    yield from map(_not_null_entry, left)


def _columns_due(entry: SuiteEntry, schema: Table) -> list[str]:
    """The columns whose NOT NULL stands before an entry: those up to its last one; all, where it is not about one row."""
    names = [column.name for column in schema.columns]
    if entry["meta"]["scope"] != "row" or _stands_for_all_others(entry):
        return names
    column_arguments = [entry["kwargs"].get(key) for key in ("column", "column_A", "column_B")]
    return names[: max((index for index, name in enumerate(names) if name in column_arguments), default=-1) + 1]


def _stands_for_all_others(entry: SuiteEntry) -> bool:
    return entry["type"] == row_expectations.NOT_NULL and not entry["kwargs"]


def _column_and_condition(entry: SuiteEntry) -> tuple[Any, Any]:
    """(the column that an expectation is about, the condition of the rows that it judges)."""
    return entry["kwargs"].get("column"), entry["kwargs"].get("row_condition")


def _not_null_entry(column: str) -> SuiteEntry:
    return {
        "type": row_expectations.NOT_NULL,
        "kwargs": {"column": column},
        "severity": "critical",
        "description": NEVER_NULL.format(column=column),
        "meta": {"scope": "row", "reason": "missing_value"},
    }


def _line_break_entry(entry: SuiteEntry) -> SuiteEntry:
    """The companion of a regex that ends in `$`: as severe as it, for the same rows, with the same reason."""
    kept_meta = {key: entry["meta"][key] for key in ("scope", "reason") if key in entry["meta"]}
    name_meta = {"name": f"{entry['meta']['name']}_without_line_breaks"} if "name" in entry["meta"] else {}
    return {
        **entry,
        "type": row_expectations.NOT_MATCH,
        "kwargs": {**entry["kwargs"], "regex": ANY_LINE_BREAK},
        "description": NO_LINE_BREAK.format(column=entry["kwargs"].get("column")),
        "meta": {**kept_meta, **name_meta},
    }
