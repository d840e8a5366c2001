"""Creates the tables from schemas/ and quality/, and brings older ones up to date."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from deltalake import DeltaTable
from pyarrow.fs import FileSelector
from pyspark.sql import SparkSession

from oilake.conf.errors import StoreError
from oilake.jobs.runtime.error_text import SPARK_ERRORS, error_line
from oilake.jobs.runtime.filesystem import open_filesystem
from oilake.jobs.tables import suite_properties
from oilake.jobs.tables.delta_log import open_table
from oilake.jobs.tables.quoting import path_table, quote_identifier
from oilake.jobs.tables.table_properties import RETENTION, lacking_retention, migrate_retention
from oilake.jobs.tables.warehouse import Warehouse
from oilake.quality import suites as quality
from oilake.schemas import loader as schemas

CONSTRAINT = "delta.constraints."
THREADS = 3
ATTEMPTS = 20
PAUSE = 0.25
CONSTRAINT_VIOLATED = "DELTA_NEW_CHECK_CONSTRAINT_VIOLATION"
EXAMPLES = 3
CREATE_RACE_WORDS = ("already_exists", "non_empty_location", "concurrent")


def outdated_tables(warehouse: Warehouse) -> list[str]:
    """The tables that are not there yet, or not as schemas/ and quality/ have them."""
    return [name for name in schemas.table_names() if not _is_current(warehouse, name)]


def _is_current(warehouse: Warehouse, name: str) -> bool:
    table = open_table(warehouse, name)
    if table is None:
        return False
    fields = {field["name"]: field for field in json.loads(table.schema().to_json())["fields"]}
    declared = {column.name: column for column in schemas.table_schema(name).columns}
    stored, suite = table.metadata().configuration, quality.load_suite(name)
    return (
        fields.keys() == declared.keys()
        and all(_is_of_type(declared[key], field) for key, field in fields.items())
        and all(declared[key].nullable == field["nullable"] for key, field in fields.items())
        and _stored_constraints(stored) == _plain_constraints(quality.delta_constraints(suite))
        and stored.get(suite_properties.SHA256) == suite.digest()
        and not lacking_retention(stored)
    )


def ensure_tables(spark: SparkSession, warehouse: Warehouse) -> list[str]:
    """Every table exists with its columns, comments and constraints; a sentence for each thing that was migrated."""
    with ThreadPoolExecutor(THREADS) as pool:
        names = outdated_tables(warehouse)
        sentences_by_table = list(pool.map(lambda name: _ensure_table(spark, warehouse, name), names))
    return [sentence for sentences in sentences_by_table for sentence in sentences]


def _ensure_table(spark: SparkSession, warehouse: Warehouse, name: str) -> list[str]:
    table = open_table(warehouse, name)
    try:
        if table is None:
            _create_table(spark, warehouse, name)
            return []
        return _migrate_table(spark, warehouse, name, table)
    except SPARK_ERRORS as error:
        if table is None:
            _remove_orphan_log(warehouse, name)
        raise StoreError(
            f"{warehouse.table_uri(name)}: cannot be made ({error_line(error)}); check its rights and the disk, then run "
            "again"
        ) from None


def _create_table(spark: SparkSession, warehouse: Warehouse, name: str) -> None:
    """Creates the table, unless another run is just doing so; what a run that died left of it is cleared away."""
    try:
        spark.sql(create_sql(warehouse, name))
    except SPARK_ERRORS as error:
        if not any(word in str(error).lower() for word in CREATE_RACE_WORDS):
            raise
        if not _table_appears(warehouse, name):
            _remove_orphan_log(warehouse, name)
            spark.sql(create_sql(warehouse, name))


def _table_appears(warehouse: Warehouse, name: str) -> bool:
    for _ in range(ATTEMPTS):
        if open_table(warehouse, name) is not None:
            return True
        time.sleep(PAUSE)
    return False


def _remove_orphan_log(warehouse: Warehouse, name: str) -> None:
    """Removes the log of a table that was never made. A folder that holds anything else is somebody's own."""
    store, path = open_filesystem(warehouse.table_uri(name))
    entries = store.get_file_info(FileSelector(path, allow_not_found=True))
    if [info.base_name for info in entries] == ["_delta_log"] and open_table(warehouse, name) is None:
        store.delete_dir(entries[0].path)


def create_sql(warehouse: Warehouse, name: str) -> str:
    """The CREATE TABLE of one table: columns with comments, NOT NULL, partitions, and CHECK constraints as properties."""
    schema = schemas.table_schema(name)
    suite = quality.load_suite(name)
    constraints = {CONSTRAINT + key: sql for key, sql in quality.delta_constraints(suite).items()}
    properties = constraints | suite_properties.carried_properties(suite) | RETENTION
    listed = ", ".join(f"{schemas.quoted_literal(k)} = {schemas.quoted_literal(v)}" for k, v in properties.items())
    partitioned = f" PARTITIONED BY ({', '.join(schema.partition_by)})" if schema.partition_by else ""
    return (
        f"CREATE TABLE {path_table(warehouse.spark_path(name))} ({schemas.spark_schema(schema)}) USING delta{partitioned} "
        f"COMMENT {schemas.quoted_literal(schema.description)} TBLPROPERTIES ({listed})"
    )


def _migrate_table(spark: SparkSession, warehouse: Warehouse, name: str, table: DeltaTable) -> list[str]:
    sentences = _migrate_columns(spark, warehouse, name, table) + _migrate_constraints(spark, warehouse, name, table)
    return (
        sentences
        + suite_properties.migrate_suite(warehouse, name, quality.load_suite(name))
        + migrate_retention(warehouse, name)
    )


def _migrate_columns(spark: SparkSession, warehouse: Warehouse, name: str, table: DeltaTable) -> list[str]:
    stored_fields = {field["name"]: field for field in json.loads(table.schema().to_json())["fields"]}
    declared_columns = {column.name: column for column in schemas.table_schema(name).columns}
    where = path_table(warehouse.spark_path(name))
    if gone := sorted(set(stored_fields) - set(declared_columns)):
        raise StoreError(
            f"{where}: column {', '.join(gone)} is not in schemas/{name}.yaml; drop it or restore the schema"
        )
    added = [column for key, column in declared_columns.items() if key not in stored_fields]
    for column in added:
        if not column.nullable:
            raise StoreError(f"{where}: the new column {column.name} is NOT NULL; ingest into a new warehouse instead")
        spark.sql(f"ALTER TABLE {where} ADD COLUMNS ({schemas.column_sql(column)})")
    for key, field in stored_fields.items():
        _refuse_changed_type(where, name, declared_columns[key], field)
    relaxed = [key for key, field in stored_fields.items() if declared_columns[key].nullable and not field["nullable"]]
    for key in relaxed:
        spark.sql(f"ALTER TABLE {where} ALTER COLUMN {quote_identifier(key)} DROP NOT NULL")
    return [
        *(f"{name}: column {column.name} was added" for column in added),
        *(f"{name}: column {key} may be NULL now" for key in relaxed),
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


def _migrate_constraints(spark: SparkSession, warehouse: Warehouse, name: str, table: DeltaTable) -> list[str]:
    where = path_table(warehouse.spark_path(name))
    stored_constraints = _stored_constraints(table.metadata().configuration)
    declared_constraints = quality.delta_constraints(quality.load_suite(name))
    sentences = []
    for key in [
        key
        for key, sql in stored_constraints.items()
        if key not in declared_constraints or _without_spaces(declared_constraints[key]) != sql
    ]:
        spark.sql(f"ALTER TABLE {where} DROP CONSTRAINT {quote_identifier(key)}")
        sentences.append(f"{name}: constraint {key} was dropped")
    for key, sql in declared_constraints.items():
        if stored_constraints.get(key) != _without_spaces(sql):
            sentences.append(f"{name}: {_add_constraint(spark, where, key, sql, quality.load_suite(name).key())}")
    return sentences


def _stored_constraints(stored: Mapping[str, str]) -> dict[str, str]:
    return _plain_constraints({k.removeprefix(CONSTRAINT): v for k, v in stored.items() if k.startswith(CONSTRAINT)})


def _plain_constraints(constraints: Mapping[str, str]) -> dict[str, str]:
    return {key: _without_spaces(sql) for key, sql in constraints.items()}


def _add_constraint(spark: SparkSession, where: str, key: str, sql: str, shown: Sequence[str]) -> str:
    """Adds a constraint unless rows that are there break it; what became of it, with such rows counted and shown."""
    try:
        spark.sql(f"ALTER TABLE {where} ADD CONSTRAINT {quote_identifier(key)} CHECK ({sql})")
        return f"constraint {key} was added"
    except SPARK_ERRORS as error:
        if CONSTRAINT_VIOLATED not in str(error):
            raise
    broken = spark.sql(f"SELECT * FROM {where} WHERE NOT coalesce({sql}, false)")
    examples = broken.select(*(shown or broken.columns)).limit(EXAMPLES).toJSON().collect()
    rows = broken.count()
    return (
        f"constraint {key} was not added, since {rows:,} row{'s' if rows != 1 else ''} of the table "
        f"break{'' if rows != 1 else 's'} it, such as {', '.join(examples)}; `oilake check` counts them for each release, "
        "`oilake ingest --force` judges them anew"
    )


def _without_spaces(sql: str) -> str:
    """ALTER TABLE stores a constraint with spaces of Spark's own, CREATE TABLE as it was given."""
    return sql.replace(" ", "")
