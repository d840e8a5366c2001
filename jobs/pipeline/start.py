"""How every job that writes tables begins: Spark, its workers, and tables that are up to date."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from oilake.conf.settings import Settings
from oilake.jobs.runtime import run_events, spark_session, spark_tasks
from oilake.jobs.runtime.progress import log_line
from oilake.jobs.runtime.spark_session import StartSession
from oilake.jobs.tables import ddl
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.validation import row_filter

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass
class StartOnDemand:
    """Starts Spark when its session is asked for first. `seconds`: what that took; 0 where nobody asked."""

    start: Callable[[], tuple[SparkSession, float]]
    seconds: float = 0.0
    session: SparkSession | None = None
    lock: Lock = field(default_factory=Lock)

    @classmethod
    def of_session(cls, spark: SparkSession) -> StartOnDemand:
        """One that has started already."""
        return cls(lambda: (spark, 0.0), session=spark)

    def __call__(self) -> SparkSession:
        with self.lock:
            if self.session is None:
                self.session, self.seconds = self.start()
        return self.session


def start_readers(settings: Settings, *places: str) -> tuple[SparkSession, float]:
    """(the session, the seconds that Spark and its workers took to start); no table is made."""
    starting = time.monotonic()
    spark = spark_session.start_session(settings, *places)
    spark_tasks.wait_for_workers(spark_tasks.start_workers(spark, row_filter.warm_up))
    return spark, _told_seconds(time.monotonic() - starting)


def start_job(settings: Settings, names: Sequence[str] | None = None) -> tuple[SparkSession, float]:
    """(the session, the seconds that Spark and its workers took to start); `names`: the tables that it writes, or all. What
    was migrated is told."""
    starting = time.monotonic()
    spark = spark_session.start_session(settings)
    ready = spark_tasks.start_workers(spark, row_filter.warm_up)
    start_seconds = time.monotonic() - starting
    prepare_tables(lambda: spark, settings, names)
    return spark, _told_seconds(start_seconds + spark_tasks.wait_for_workers(ready))


def _told_seconds(seconds: float) -> float:
    run_events.tell(run_events.PhaseDone("spark", seconds))
    return seconds


def prepare_tables(session: StartSession, settings: Settings, names: Sequence[str] | None = None) -> None:
    """Makes the tables that lack and migrates older ones, all or some by name; what was migrated is told."""
    for sentence in ddl.ensure_tables(session, Warehouse.of(settings), names):
        log_line(f"migrated {sentence}")
