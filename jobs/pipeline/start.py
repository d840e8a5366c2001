"""How every job that writes tables begins: Spark, its workers, and tables that are up to date."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
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
    """Starts Spark when its session is asked for first. `seconds`: how long that was waited for; 0 where nobody asked."""

    start: Callable[[], SparkSession]
    seconds: float = 0.0
    session: SparkSession | None = None
    begun: Future[SparkSession] | None = None
    lock: Lock = field(default_factory=Lock)

    @classmethod
    def of_session(cls, spark: SparkSession) -> StartOnDemand:
        """One that has started already."""
        return cls(lambda: spark, session=spark)

    def begin(self) -> None:
        """Starts it beside what goes on here, for work that is known to need it; what fails is raised by the call."""
        pool = ThreadPoolExecutor(1)
        self.begun = pool.submit(self.start)
        pool.shutdown(wait=False)

    def __call__(self) -> SparkSession:
        with self.lock:
            if self.session is None:
                asked = time.monotonic()
                self.session = self.begun.result() if self.begun else self.start()
                self.seconds = time.monotonic() - asked
                run_events.tell(run_events.PhaseDone("spark", self.seconds))
        return self.session


def start_job(settings: Settings, names: Sequence[str] | None = None) -> tuple[SparkSession, float]:
    """(the session, the seconds that this took), as by `open_session`."""
    session = StartOnDemand(lambda: open_session(settings, names))
    return session(), session.seconds


def open_session(settings: Settings, names: Sequence[str] | None = None) -> SparkSession:
    """Spark with its workers and, made beside it, the tables that the job writes, or all; what was migrated is told."""
    with ThreadPoolExecutor(1) as pool:
        readers = pool.submit(open_readers, settings)
        prepare_tables(readers.result, settings, names)
        return readers.result()


def open_readers(settings: Settings, *places: str) -> SparkSession:
    """Spark with its workers; no table is made. `places`: what it will read beside the warehouse."""
    spark = spark_session.start_session(settings, *places)
    spark_tasks.start_workers(spark, row_filter.warm_up)
    return spark


def prepare_tables(session: StartSession, settings: Settings, names: Sequence[str] | None = None) -> None:
    """Makes the tables that lack and migrates older ones, all or some by name; what was migrated is told."""
    for sentence in ddl.ensure_tables(session, Warehouse.of(settings), names):
        log_line(f"migrated {sentence}")
