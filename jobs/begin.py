"""How every job that writes tables begins: Spark, its workers, and tables that are up to date."""

from __future__ import annotations

import time

from pyspark.sql import SparkSession

from conf.settings import Settings
from jobs import place, session
from jobs.progress import say
from jobs.tables import create


def begin(settings: Settings) -> tuple[SparkSession, float]:
    """(the session, the seconds that Spark and its workers took to start); what was migrated is told."""
    starting = time.monotonic()
    spark = session.start(settings)
    ready = place.start_workers(spark)
    start_seconds = time.monotonic() - starting
    for sentence in create.ensure(spark, settings.warehouse):
        say(f"migrated {sentence}")
    return spark, start_seconds + place.wait_for(ready)
