"""Spark places the kernels: each task runs one split, and no row crosses into the JVM."""

from __future__ import annotations

import contextlib
import errno
import os
import pickle
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import pyarrow as pa
from tqdm import tqdm

from oilake.conf.errors import DataQualityError, InputError, OilakeError, StoreError
from oilake.jobs.runtime.error_text import error_line
from oilake.jobs.runtime.progress import log_line
from oilake.jobs.runtime.spark_errors import spark_errors

if TYPE_CHECKING:
    from pyspark import RDD
    from pyspark.sql import DataFrame, SparkSession

T = TypeVar("T")
R = TypeVar("R")

PATIENCE_SECONDS = 30
WatchFunction = Callable[["SparkSession", int, str, "Future[Any]"], None]
ERROR_KINDS: dict[str, type[OilakeError]] = {kind.__name__: kind for kind in (InputError, DataQualityError, StoreError)}
# The Spark applications of this process whose workers were started.
_with_workers: set[str] = set()
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class TaskError(NamedTuple):
    """What ended an item: the name of one of ERROR_KINDS, and the sentence for a person."""

    kind: str
    sentence: str


class TaskAnswer(NamedTuple):
    """What a task gives for an item: a report, pickled, or its error."""

    report: bytes = b""
    error: TaskError | None = None


def run_tasks(
    spark: SparkSession, shares: Sequence[Sequence[T]], work: Callable[[T], Iterator[R]], place: str, what: str
) -> list[R]:
    """What `work` gives for every item, a task a share, in no order. The first error of a task ends the run.

    `work` runs in Spark's workers and what it gives comes back pickled: both must be importable by name there.
    """
    if not shares:
        return []
    numbers = _task_numbers(spark, len(shares))
    answers = collect_rows(spark, numbers.mapPartitions(_split_task(shares, work, place, what)), len(shares), what)
    for answer in answers:
        if answer.error:
            raise ERROR_KINDS.get(answer.error.kind, StoreError)(answer.error.sentence)
    return [pickle.loads(answer.report) for answer in answers]


def _task_numbers(spark: SparkSession, count: int) -> RDD[int]:
    """A number a task. As an RDD: of a DataFrame Spark plans a query, compiles it and starts Arrow in Java, which takes
    longer than many a task."""
    return spark.sparkContext.parallelize(range(count), count)


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


def start_workers(spark: SparkSession, warm_up: Callable[[], object]) -> None:
    """A task a core that calls `warm_up`, and waits for them: Python has started then and has the kernels. What kept it from
    that will show in the first real task. Once a session: a later job of its process finds them there."""
    application = spark.sparkContext.applicationId
    if application in _with_workers:
        return
    _with_workers.add(application)
    numbers = _task_numbers(spark, spark.sparkContext.defaultParallelism)
    with ThreadPoolExecutor(1) as pool:
        wait([pool.submit(numbers.foreach, partial(_warm_up_worker, warm_up))])


def _warm_up_worker(warm_up: Callable[[], object], _: int) -> None:
    warm_up()


def cancel_tasks(spark: SparkSession) -> None:
    """Ends the tasks that still run, so that they stage nothing more; a Java that is gone has none."""
    with contextlib.suppress(*spark_errors(), OSError):
        spark.sparkContext.cancelAllJobs()


def _split_task(
    shares: Sequence[Sequence[T]], work: Callable[[T], Iterator[R]], place: str, what: str
) -> Callable[[Iterable[int]], Iterator[TaskAnswer]]:
    def run_splits(numbers: Iterable[int]) -> Iterator[TaskAnswer]:
        pa.set_cpu_count(1)
        pa.set_io_thread_count(1)
        for number in numbers:
            for item in shares[number]:
                yield from _run_item(item, work, place, what)

    return run_splits


def _run_item(item: T, work: Callable[[T], Iterator[R]], place: str, what: str) -> Iterator[TaskAnswer]:
    """What the work gives; its error instead, which no second try of Spark's would mend, as one sentence."""
    try:
        for report in work(item):
            yield TaskAnswer(report=pickle.dumps(report))
    except Exception as error:
        if os.environ.get("OILAKE_DEBUG") == "1":
            traceback.print_exc()
        kind = type(error) if type(error).__name__ in ERROR_KINDS else StoreError
        yield TaskAnswer(error=TaskError(kind.__name__, error_sentence(error, item, place, what)))


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
        except (*spark_errors(), ConnectionError) as error:  # the latter where Java is gone
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
