"""Creates the tables from schemas/ and quality/, and brings older ones up to date; each change is a commit of delta-rs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pyarrow as pa
from deltalake import DeltaTable, Field, Schema
from deltalake.exceptions import DeltaError
from pyarrow.fs import FileSelector

from oilake.conf.errors import StoreError
from oilake.conf.storage import StorageUri
from oilake.jobs.runtime.error_text import error_line
from oilake.jobs.runtime.filesystem import open_filesystem
from oilake.jobs.runtime.spark_errors import spark_errors
from oilake.jobs.runtime.spark_session import StartSession
from oilake.jobs.tables import suite_properties
from oilake.jobs.tables.commits import commit_persistently, require_safe_commits
from oilake.jobs.tables.delta_commits import FOLDER as LOG_FOLDER
from oilake.jobs.tables.delta_log import TableState, open_table, table_to_commit
from oilake.jobs.tables.quoting import path_table
from oilake.jobs.tables.table_properties import LOG_UPKEEP, change_properties, lacking_upkeep, migrate_upkeep
from oilake.jobs.tables.warehouse import Warehouse
from oilake.quality import suites as quality
from oilake.schemas import loader as schemas
from oilake.schemas.loader import Column

CONSTRAINT = "delta.constraints."
PROTOCOL = {"delta.minReaderVersion": "1", "delta.minWriterVersion": "3"}  # 3: who writes keeps CHECK constraints
THREADS = 3
EXAMPLES = 3


def ensure_tables(session: StartSession, warehouse: Warehouse, names: Sequence[str] | None = None) -> list[str]:
    """Every table, or those of these names, exists with its columns, comments and constraints; a sentence for each thing
    that was migrated.

    Spark is started only to count the rows that break a new constraint.
    """
    with ThreadPoolExecutor(THREADS) as pool:
        sentences_by_table = list(
            pool.map(lambda name: _ensure_table(session, warehouse, name), names or schemas.table_names())
        )
    return [sentence for sentences in sentences_by_table for sentence in sentences]


def _is_current(table: TableState, name: str) -> bool:
    """Whether a table is as schemas/ and quality/ have it."""
    fields = {field["name"]: field for field in json.loads(table.schema().to_json())["fields"]}
    declared = {column.name: column for column in schemas.table_schema(name).columns}
    stored, suite = table.metadata().configuration, quality.load_suite(name)
    return (
        fields.keys() == declared.keys()
        and all(_is_of_type(declared[key], field) for key, field in fields.items())
        and all(declared[key].nullable == field["nullable"] for key, field in fields.items())
        and _stored_constraints(stored) == _plain_constraints(quality.delta_constraints(suite))
        and stored.get(suite_properties.SHA256) == suite.digest()
        and not lacking_upkeep(stored)
    )


def _ensure_table(session: StartSession, warehouse: Warehouse, name: str) -> list[str]:
    table = open_table(warehouse, name)
    if table is not None and _is_current(table, name):
        return []
    try:
        if table is None:
            create_table(warehouse, name)
            return []
        return _migrate_table(session, warehouse, name, table)
    except (*spark_errors(), DeltaError, OSError) as error:
        raise StoreError(
            f"{warehouse.table_uri(name)}: cannot be made ({error_line(error)}); check its rights and the disk, then run "
            "again"
        ) from None


def create_table(warehouse: Warehouse, name: str) -> None:
    """Creates the table in one commit, unless another run is just doing so.

    StoreError where its folder holds something else, which is somebody's own.
    """
    uri = warehouse.table_uri(name)
    require_safe_commits(uri)
    _refuse_used_folder(uri)
    schema, suite = schemas.table_schema(name), quality.load_suite(name)
    constraints = {CONSTRAINT + key: sql for key, sql in quality.delta_constraints(suite).items()}
    try:
        DeltaTable.create(
            uri,
            Schema(_delta_fields(schema.columns)),
            partition_by=list(schema.partition_by),
            description=schema.description,
            configuration=constraints | suite_properties.carried_properties(suite) | LOG_UPKEEP | PROTOCOL,
            storage_options=warehouse.storage_options(),
            raise_if_key_not_exists=False,
        )
    except DeltaError:
        if open_table(warehouse, name) is None:
            raise


def _refuse_used_folder(uri: StorageUri) -> None:
    store, path = open_filesystem(uri)
    entries = store.get_file_info(FileSelector(path, allow_not_found=True))
    if strange := [info.base_name for info in entries if info.base_name != LOG_FOLDER]:
        raise StoreError(f"{uri}: holds {strange[0]} and is no table; give --warehouse a folder of its own")


def _delta_fields(columns: Iterable[Column]) -> list[Field]:
    """The columns as a table's log declares them, each with its comment."""
    declared = [
        pa.field(column.name, schemas.arrow_type(column), column.nullable, {"comment": column.description})
        for column in columns
    ]
    return list(Schema.from_arrow(pa.schema(declared)).fields)


def _migrate_table(session: StartSession, warehouse: Warehouse, name: str, table: TableState) -> list[str]:
    sentences = _migrate_columns(warehouse, name, table) + _migrate_constraints(session, warehouse, name, table)
    return (
        sentences
        + suite_properties.migrate_suite(warehouse, name, quality.load_suite(name))
        + migrate_upkeep(warehouse, name)
    )


def _migrate_columns(warehouse: Warehouse, name: str, table: TableState) -> list[str]:
    stored_fields = {field["name"]: field for field in json.loads(table.schema().to_json())["fields"]}
    declared_columns = {column.name: column for column in schemas.table_schema(name).columns}
    where = warehouse.table_uri(name)
    if gone := sorted(set(stored_fields) - set(declared_columns)):
        raise StoreError(
            f"{where}: column {', '.join(gone)} is not in schemas/{name}.yaml; drop it or restore the schema"
        )
    added = [column for key, column in declared_columns.items() if key not in stored_fields]
    for column in added:
        if not column.nullable:
            raise StoreError(f"{where}: the new column {column.name} is NOT NULL; ingest into a new warehouse instead")
    for key, field in stored_fields.items():
        _refuse_changed_type(where, name, declared_columns[key], field)
    relaxed = [
        declared_columns[key]
        for key, field in stored_fields.items()
        if declared_columns[key].nullable and not field["nullable"]
    ]
    if added or relaxed:
        changes = _delta_fields([*added, *relaxed])
        commit_persistently(where, lambda: table_to_commit(warehouse, name).alter.add_columns(changes))
    return [
        *(f"{name}: column {column.name} was added" for column in added),
        *(f"{name}: column {column.name} may be NULL now" for column in relaxed),
    ]


def _refuse_changed_type(where: str, name: str, declared: schemas.Column, field: dict[str, object]) -> None:
    if not _is_of_type(declared, field):
        raise StoreError(
            f"{where}: column {declared.name} is {field['type']}, but {declared.type} in schemas/{name}.yaml; "
            "types are not migrated, ingest into a new warehouse instead"
        )


def _is_of_type(declared: schemas.Column, field: dict[str, object]) -> bool:
    """Whether a stored column has the declared type; nested types are not compared."""
    simple = {"long": "bigint", "integer": "int"}
    stored_type = field["type"]
    return not isinstance(stored_type, str) or simple.get(stored_type, stored_type) == declared.type


def _migrate_constraints(session: StartSession, warehouse: Warehouse, name: str, table: TableState) -> list[str]:
    where = warehouse.table_uri(name)
    stored_constraints = _stored_constraints(table.metadata().configuration)
    suite = quality.load_suite(name)
    declared_constraints = quality.delta_constraints(suite)
    sentences = []
    for key, sql in stored_constraints.items():
        if key not in declared_constraints or _without_spaces(declared_constraints[key]) != sql:
            commit_persistently(where, partial(_drop_constraint, warehouse, name, key))
            sentences.append(f"{name}: constraint {key} was dropped")
    for key, sql in declared_constraints.items():
        if stored_constraints.get(key) != _without_spaces(sql):
            sentences.append(f"{name}: {_add_constraint(session, warehouse, name, key, sql, suite.key())}")
    return sentences


def _stored_constraints(stored: Mapping[str, str]) -> dict[str, str]:
    return _plain_constraints({k.removeprefix(CONSTRAINT): v for k, v in stored.items() if k.startswith(CONSTRAINT)})


def _plain_constraints(constraints: Mapping[str, str]) -> dict[str, str]:
    return {key: _without_spaces(sql) for key, sql in constraints.items()}


def _drop_constraint(warehouse: Warehouse, name: str, key: str) -> None:
    table_to_commit(warehouse, name).alter.drop_constraint(key, raise_if_not_exists=False)


def _add_constraint(
    session: StartSession, warehouse: Warehouse, name: str, key: str, sql: str, shown: Sequence[str]
) -> str:
    """Adds a constraint unless rows that are there break it; what became of it, with such rows counted and shown.

    It is stored as it is written: delta-rs's own statement would store it in words that Spark cannot read.
    """
    where = path_table(warehouse.spark_path(name))
    broken = session().sql(f"SELECT * FROM {where} WHERE NOT coalesce({sql}, false)")
    examples = broken.select(*(shown or broken.columns)).limit(EXAMPLES).toJSON().collect()
    if not examples:
        change_properties(warehouse, name, lambda _: {CONSTRAINT + key: sql})
        return f"constraint {key} was added"
    rows = broken.count()
    return (
        f"constraint {key} was not added, since {rows:,} row{'s' if rows != 1 else ''} of the table "
        f"break{'' if rows != 1 else 's'} it, such as {', '.join(examples)}; `oilake check` counts them for each release, "
        "`oilake ingest --release R --force` judges them anew"
    )


def _without_spaces(sql: str) -> str:
    """ALTER TABLE stores a constraint with spaces of Spark's own, CREATE TABLE as it was given."""
    return sql.replace(" ", "")
