"""How every job that writes tables begins: Spark, its workers, and tables that are up to date."""

from __future__ import annotations

import time

from pyspark.sql import SparkSession

from oilake.conf.settings import Settings
from oilake.jobs.runtime import spark_session, spark_tasks
from oilake.jobs.runtime.progress import log_line
from oilake.jobs.tables import ddl
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.validation import row_filter


def start_job(settings: Settings) -> tuple[SparkSession, float]:
    """(the session, the seconds that Spark and its workers took to start); what was migrated is told."""
    starting = time.monotonic()
    spark = spark_session.start_session(settings)
    ready = spark_tasks.start_workers(spark, row_filter.warm_up)
    start_seconds = time.monotonic() - starting
    for sentence in ddl.ensure_tables(spark, Warehouse.of(settings)):
        log_line(f"migrated {sentence}")
    return spark, start_seconds + spark_tasks.wait_for_workers(ready)
