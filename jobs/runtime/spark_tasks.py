"""Spark places the kernels: each task runs one split, and no row crosses into the JVM."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pickle
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

import pyarrow as pa
from pyspark import RDD
from pyspark.sql import DataFrame, SparkSession
from tqdm import tqdm

from oilake.conf.errors import DataQualityError, InputError, OilakeError, StoreError
from oilake.jobs.runtime.error_text import error_line
from oilake.jobs.runtime.progress import log_line
from oilake.jobs.runtime.spark_errors import SPARK_ERRORS

T = TypeVar("T")
R = TypeVar("R")

REPORT_SCHEMA = "error string, report binary"
PATIENCE_SECONDS = 30
WatchFunction = Callable[[SparkSession, int, str, "Future[Any]"], None]
ERROR_KINDS: dict[str, type[OilakeError]] = {kind.__name__: kind for kind in (InputError, DataQualityError, StoreError)}
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def run_tasks(
    spark: SparkSession, shares: Sequence[Sequence[T]], work: Callable[[T], Iterator[R]], place: str, what: str
) -> list[R]:
    """What `work` gives for every item, a task a share, in no order. The first error of a task ends the run.

    `work` runs in Spark's workers and what it gives comes back pickled: both must be importable by name there.
    """
    if not shares:
        return []
    frame = spark.range(0, len(shares), 1, len(shares)).mapInArrow(
        _split_task(shares, work, place, what), REPORT_SCHEMA
    )
    rows = collect_rows(spark, frame, len(shares), what)
    for row in rows:
        if row["error"]:
            error = json.loads(row["error"])
            raise ERROR_KINDS.get(error["kind"], StoreError)(error["sentence"])
    return [pickle.loads(row["report"]) for row in rows]


def run_here(items: Sequence[T], work: Callable[[T], Iterator[R]], place: str, what: str) -> list[R]:
    """What `work` gives for every item, in this process; its errors are those of tasks."""
    reports = list[R]()
    for item in items:
        try:
            reports += work(item)
        except OilakeError:
            raise
        except Exception as error:
            raise StoreError(error_sentence(error, item, place, what)) from error
    return reports


def start_workers(spark: SparkSession, warm_up: Callable[[], object]) -> Future[Any]:
    """A task a core that calls `warm_up`: Python starts and imports the kernels while the driver is still busy elsewhere."""
    count = spark.sparkContext.defaultParallelism
    frame = spark.range(0, count, 1, count).mapInArrow(_warm_up_task(warm_up), REPORT_SCHEMA)
    pool = ThreadPoolExecutor(1)
    ready = pool.submit(frame.collect)
    pool.shutdown(wait=False)
    return ready


def wait_for_workers(ready: Future[Any]) -> float:
    """Seconds until the workers had started; what kept them from it will show in the first real task."""
    started = time.monotonic()
    wait([ready])
    return time.monotonic() - started


def _warm_up_task(warm_up: Callable[[], object]) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def warm_up_worker(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for _ in batches:
            warm_up()
            yield from ()

    return warm_up_worker


def cancel_tasks(spark: SparkSession) -> None:
    """Ends the tasks that still run, so that they stage nothing more; a Java that is gone has none."""
    with contextlib.suppress(*SPARK_ERRORS, OSError):
        spark.sparkContext.cancelAllJobs()


def _split_task(
    shares: Sequence[Sequence[T]], work: Callable[[T], Iterator[R]], place: str, what: str
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def run_splits(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        pa.set_cpu_count(1)
        pa.set_io_thread_count(1)
        for batch in batches:
            for number in batch.column("id").to_pylist():
                for item in shares[number]:
                    yield from _run_item(item, work, place, what)

    return run_splits


def _run_item(item: T, work: Callable[[T], Iterator[R]], place: str, what: str) -> Iterator[pa.RecordBatch]:
    """What the work gives; its error instead, which no second try of Spark's would mend, as one sentence."""
    try:
        for report in work(item):
            yield _report_row(None, pickle.dumps(report))
    except Exception as error:
        if os.environ.get("OILAKE_DEBUG") == "1":
            traceback.print_exc()
        kind = type(error) if type(error).__name__ in ERROR_KINDS else StoreError
        yield _report_row(
            json.dumps({"kind": kind.__name__, "sentence": error_sentence(error, item, place, what)}), None
        )


def error_sentence(error: Exception, item: object, place: str, what: str) -> str:
    """The cause and the remedy of what ended a task; `item` names the file that it was at, where it has one."""
    if isinstance(error, OilakeError):
        return str(error)
    if isinstance(error, OSError):
        where = error.filename or place
        if error.errno in NO_ROOM or "writ" in str(error):
            return f"{where}: cannot be written ({error_line(error)}); free or mend the store, then run again"
        return f"{where}: failed during {what} ({error_line(error)}); check the place and its rights, then run again"
    where = next((str(vars(item)[name]) for name in ("uri", "file") if name in getattr(item, "__dict__", ())), place)
    cause = f"{type(error).__name__}: {error_line(error)}" if str(error) else type(error).__name__
    return f"{where}: failed during {what} ({cause}); OILAKE_DEBUG=1 tells more, please report it"


def _report_row(error: str | None, report: bytes | None) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {"error": pa.array([error], pa.string()), "report": pa.array([report], pa.binary())}
    )


def collect_rows(
    spark: SparkSession, frame: DataFrame | RDD[Any], count: int, what: str, watch: WatchFunction | None = None
) -> list[Any]:
    """The rows of `frame`, collected in a thread of its own: an interrupt inside a call to Java breaks that call.

    `watch` returns when the rows are there; without one the tasks are counted.
    """
    with ThreadPoolExecutor(1) as pool:
        collected = pool.submit(frame.collect)
        try:
            (watch or _watch_tasks)(spark, count, what, collected)
            return list(collected.result())
        except SPARK_ERRORS as error:
            raise StoreError(
                f"Spark could not finish {what} ({_last_line(error)}); give it more memory or fewer cores in an environment "
                "(--env FILE), or run again; OILAKE_DEBUG=1 tells more"
            ) from None
        except BaseException:
            cancel_tasks(spark)
            raise


def _watch_tasks(spark: SparkSession, count: int, what: str, collected: Future[Any]) -> None:
    """Waits; on a terminal with a bar of finished tasks, elsewhere with a line every half a minute."""
    tracker, started, periods_told = spark.sparkContext.statusTracker(), time.monotonic(), 0
    with tqdm(total=count, desc=what, unit=" task", leave=False, disable=None, dynamic_ncols=True) as bar:
        while not wait([collected], 0.5).done:
            if bar.disable:
                if (periods_waited := int(time.monotonic() - started) // PATIENCE_SECONDS) > periods_told:
                    periods_told = periods_waited
                    log_line(f"{what}: goes on since {periods_told * PATIENCE_SECONDS} s")
                continue
            infos = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
            bar.n = max([info.numCompletedTasks for info in infos if info], default=bar.n)
            bar.refresh()


def _last_line(error: Exception) -> str:
    """A task's own error stands at the end of what Spark tells about it."""
    lines = [line.strip() for line in str(error).splitlines() if "Error" in line or "Exception" in line]
    return lines[-1][:300] if lines else error_line(error)
