"""Two drivers that append to one table on S3 at one moment, again and again, and note what they were told is written."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable

from oilake.conf import settings as conf_settings
from oilake.jobs.runtime import spark_session
from oilake.jobs.tables.append_rows import append_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas
from tests.support import publications

TABLE = "repairs"
DRIVERS = 2
PATIENCE = 300.0
Append = Callable[[str], None]


def lost_commits(kind: str, environment: str, races: int) -> tuple[int, int]:
    """(appends that a driver was told are written, how many of them the table lacks) after so many races.

    `kind`: "ours", by the way of every job; "spark", by Delta's writer on its default log store. `environment`: a YAML file.
    """
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(DRIVERS), context.Queue()
    drivers = [
        context.Process(target=_drive, args=(kind, environment, driver, races, barrier, results))
        for driver in range(DRIVERS)
    ]
    for driver in drivers:
        driver.start()
    acknowledged = [mark for _ in drivers for mark in results.get(timeout=PATIENCE * 4)]
    for driver in drivers:
        driver.join(PATIENCE)
    warehouse = Warehouse.of(conf_settings.environment_settings(environment))
    table = DeltaTable(warehouse.table_uri(TABLE), storage_options=warehouse.storage_options())
    kept = set(table.to_pyarrow_table(columns=["member"])["member"].to_pylist())
    return len(acknowledged), len(set(acknowledged) - kept)


def _drive(kind: str, environment: str, driver: int, races: int, barrier: Barrier, results: Any) -> None:
    append = APPENDERS[kind](environment)
    acknowledged = []
    for race in range(races):
        mark = f"{driver}-{race}"
        barrier.wait(PATIENCE)
        try:
            append(mark)
        except Exception:
            continue
        acknowledged.append(mark)
    results.put(acknowledged)


def _our_appender(environment: str) -> Append:
    warehouse = Warehouse.of(conf_settings.environment_settings(environment))
    return lambda mark: append_rows(warehouse, TABLE, _marked_row(mark), mark, {})


def _spark_appender(environment: str) -> Append:
    chosen = conf_settings.environment_settings(environment)
    spark = spark_session.start_session(chosen)
    path = Warehouse.of(chosen).spark_path(TABLE)

    def append(mark: str) -> None:
        spark.createDataFrame(_marked_row(mark)).coalesce(1).write.format("delta").mode("append").save(path)

    return append


def _marked_row(mark: str) -> pa.Table:
    """One row of the table, which says in `member` of which driver and race it is."""
    schema = schemas.table_schema(TABLE)
    cells = {column.name: [publications.VALUES[column.type]] for column in schema.columns} | {"member": [mark]}
    kinds = [pa.field(column.name, schemas.arrow_type(column), column.nullable) for column in schema.columns]
    return pa.table(cells, schema=pa.schema(kinds))


APPENDERS: dict[str, Callable[[str], Append]] = {"ours": _our_appender, "spark": _spark_appender}
