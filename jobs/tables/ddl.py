"""Creates the tables from schemas/ and quality/, and brings older ones up to date."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from deltalake import DeltaTable
from pyarrow.fs import FileSelector
from pyspark.sql import SparkSession

from oilake.conf.errors import StoreError
from oilake.jobs.runtime.error_text import SPARK_ERRORS, told
from oilake.jobs.runtime.filesystem import filesystem
from oilake.jobs.tables import suite_properties
from oilake.jobs.tables.delta_log import open_table, uri
from oilake.jobs.tables.quoting import identifier, path_table
from oilake.jobs.tables.table_properties import RETENTION, migrate_retention
from oilake.quality import suites as quality
from oilake.schemas import loader as schemas

CONSTRAINT = "delta.constraints."
THREADS = 3
ATTEMPTS = 20
PAUSE = 0.25
VIOLATED = "DELTA_NEW_CHECK_CONSTRAINT_VIOLATION"
EXAMPLES = 3
RACED = ("already_exists", "non_empty_location", "concurrent")


def ensure(spark: SparkSession, warehouse: str) -> list[str]:
    """Every table exists with its columns, comments and constraints; a sentence for each thing that was migrated."""
    with ThreadPoolExecutor(THREADS) as pool:
        told = list(pool.map(lambda name: _ensure(spark, warehouse, name), schemas.names()))
    return [sentence for sentences in told for sentence in sentences]


def _ensure(spark: SparkSession, warehouse: str, name: str) -> list[str]:
    table = open_table(warehouse, name)
    try:
        if table is None:
            _make(spark, warehouse, name)
            return []
        return _migrate(spark, warehouse, name, table)
    except SPARK_ERRORS as error:
        if table is None:
            _sweep(warehouse, name)
        raise StoreError(
            f"{uri(warehouse, name)}: cannot be made ({told(error)}); check its rights and the disk, then run again"
        ) from None


def _make(spark: SparkSession, warehouse: str, name: str) -> None:
    """Creates the table, unless another run is just doing so; what a run that died left of it is cleared away."""
    try:
        spark.sql(create_sql(warehouse, name))
    except SPARK_ERRORS as error:
        if not any(word in str(error).lower() for word in RACED):
            raise
        if not _appears(warehouse, name):
            _sweep(warehouse, name)
            spark.sql(create_sql(warehouse, name))


def _appears(warehouse: str, name: str) -> bool:
    for _ in range(ATTEMPTS):
        if open_table(warehouse, name) is not None:
            return True
        time.sleep(PAUSE)
    return False


def _sweep(warehouse: str, name: str) -> None:
    """Removes the log of a table that was never made. A folder that holds anything else is somebody's own."""
    store, path = filesystem(uri(warehouse, name))
    found = store.get_file_info(FileSelector(path, allow_not_found=True))
    if [info.base_name for info in found] == ["_delta_log"] and open_table(warehouse, name) is None:
        store.delete_dir(found[0].path)


def create_sql(warehouse: str, name: str) -> str:
    """The CREATE TABLE of one table: columns with comments, NOT NULL, partitions, and CHECK constraints as properties."""
    schema = schemas.load(name)
    suite = quality.load(name)
    constraints = {CONSTRAINT + key: sql for key, sql in quality.constraints(suite).items()}
    properties = constraints | suite_properties.properties(suite) | RETENTION
    listed = ", ".join(f"{schemas.quoted(k)} = {schemas.quoted(v)}" for k, v in properties.items())
    partitioned = f" PARTITIONED BY ({', '.join(schema.partition_by)})" if schema.partition_by else ""
    return (
        f"CREATE TABLE {path_table(uri(warehouse, name))} ({schemas.spark_schema(schema)}) USING delta{partitioned} "
        f"COMMENT {schemas.quoted(schema.description)} TBLPROPERTIES ({listed})"
    )


def _migrate(spark: SparkSession, warehouse: str, name: str, table: DeltaTable) -> list[str]:
    told = _migrate_columns(spark, warehouse, name, table) + _migrate_constraints(spark, warehouse, name, table)
    return told + suite_properties.migrate(warehouse, name, quality.load(name)) + migrate_retention(warehouse, name)


def _migrate_columns(spark: SparkSession, warehouse: str, name: str, table: DeltaTable) -> list[str]:
    found = {field["name"]: field for field in json.loads(table.schema().to_json())["fields"]}
    wanted = {column.name: column for column in schemas.load(name).columns}
    where = path_table(uri(warehouse, name))
    if gone := sorted(set(found) - set(wanted)):
        raise StoreError(
            f"{where}: column {', '.join(gone)} is not in schemas/{name}.yaml; drop it or restore the schema"
        )
    added = [column for key, column in wanted.items() if key not in found]
    for column in added:
        if not column.nullable:
            raise StoreError(f"{where}: the new column {column.name} is NOT NULL; ingest into a new warehouse instead")
        spark.sql(f"ALTER TABLE {where} ADD COLUMNS ({schemas.column_sql(column)})")
    for key, field in found.items():
        _same_type(where, name, wanted[key], field)
    return [f"{name}: column {column.name} was added" for column in added]


def _same_type(where: str, name: str, wanted: schemas.Column, field: dict[str, object]) -> None:
    simple = {"long": "bigint", "integer": "int"}
    found = field["type"]
    if isinstance(found, str) and simple.get(found, found) != wanted.type:
        raise StoreError(
            f"{where}: column {wanted.name} is {found}, but {wanted.type} in schemas/{name}.yaml; "
            "types are not migrated, ingest into a new warehouse instead"
        )


def _migrate_constraints(spark: SparkSession, warehouse: str, name: str, table: DeltaTable) -> list[str]:
    where = path_table(uri(warehouse, name))
    stored = table.metadata().configuration
    found = {k.removeprefix(CONSTRAINT): _spaceless(v) for k, v in stored.items() if k.startswith(CONSTRAINT)}
    wanted = quality.constraints(quality.load(name))
    told = []
    for key in [key for key, sql in found.items() if key not in wanted or _spaceless(wanted[key]) != sql]:
        spark.sql(f"ALTER TABLE {where} DROP CONSTRAINT {identifier(key)}")
        told.append(f"{name}: constraint {key} was dropped")
    for key, sql in wanted.items():
        if found.get(key) != _spaceless(sql):
            told.append(f"{name}: {_add_constraint(spark, where, key, sql, quality.load(name).key())}")
    return told


def _add_constraint(spark: SparkSession, where: str, key: str, sql: str, shown: Sequence[str]) -> str:
    """Adds a constraint unless rows that are there break it; what became of it, with such rows counted and shown."""
    try:
        spark.sql(f"ALTER TABLE {where} ADD CONSTRAINT {identifier(key)} CHECK ({sql})")
        return f"constraint {key} was added"
    except SPARK_ERRORS as error:
        if VIOLATED not in str(error):
            raise
    broken = spark.sql(f"SELECT * FROM {where} WHERE NOT coalesce({sql}, false)")
    examples = broken.select(*(shown or broken.columns)).limit(EXAMPLES).toJSON().collect()
    rows = broken.count()
    return (
        f"constraint {key} was not added, since {rows:,} row{'s' if rows != 1 else ''} of the table "
        f"break{'' if rows != 1 else 's'} it, such as {', '.join(examples)}; `oilake check` counts them for each release, "
        "`oilake ingest --force` judges them anew"
    )


def _spaceless(sql: str) -> str:
    """ALTER TABLE stores a constraint with spaces of Spark's own, CREATE TABLE as it was given."""
    return sql.replace(" ", "")
