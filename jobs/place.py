"""Spark places the kernels: each task runs one split, and no row crosses into the JVM."""

from __future__ import annotations

import contextlib
import json
import pickle
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark import RDD
from pyspark.sql import DataFrame, SparkSession
from tqdm import tqdm

from conf.errors import InputError, OilakeError, StoreError
from jobs.files import delete, join
from jobs.ingesting.kernel import Context, Report, run
from jobs.judging import judge
from jobs.progress import say
from jobs.sources.splits import Split
from jobs.tables.trouble import SPARK_ERRORS, told

T = TypeVar("T")
R = TypeVar("R")

SCHEMA = "error string, report binary"
PATIENCE_SECONDS = 30
Watch = Callable[[SparkSession, int, str, "Future[Any]"], None]
PERMANENT = (OilakeError, OSError)


def reports(spark: SparkSession, splits: Sequence[Split], context: Context, what: str) -> list[Report]:
    """The reports of every split, in the order of files and chunks. The first error of a task ends the run."""
    shares = _deal(splits, spark.sparkContext.defaultParallelism)
    return _in_order(spread(spark, shares, partial(run, context=context), context.warehouse, what))


def spread(
    spark: SparkSession, shares: Sequence[Sequence[T]], work: Callable[[T], Iterator[R]], warehouse: str, what: str
) -> list[R]:
    """What `work` gives for every item, a task a share, in no order. The first error of a task ends the run.

    `work` runs in Spark's workers and what it gives comes back pickled: both must be importable by name there.
    """
    if not shares:
        return []
    frame = spark.range(0, len(shares), 1, len(shares)).mapInArrow(_kernel(shares, work, warehouse), SCHEMA)
    rows = collect(spark, frame, len(shares), what)
    errors = [json.loads(row["error"]) for row in rows if row["error"]]
    if errors:
        kind = InputError if errors[0]["kind"] == "input" else StoreError
        raise kind(errors[0]["sentence"])
    return [pickle.loads(row["report"]) for row in rows]


def start_workers(spark: SparkSession) -> Future[Any]:
    """A task a core that does nothing: Python starts and imports the kernels while the driver is still busy elsewhere."""
    count = spark.sparkContext.defaultParallelism
    frame = spark.range(0, count, 1, count).mapInArrow(_nothing, SCHEMA)
    pool = ThreadPoolExecutor(1)
    ready = pool.submit(frame.collect)
    pool.shutdown(wait=False)
    return ready


def wait_for(ready: Future[Any]) -> float:
    """Seconds until the workers had started; what kept them from it will show in the first real task."""
    started = time.monotonic()
    wait([ready])
    return time.monotonic() - started


def _nothing(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for _ in batches:
        judge.expectations("labels")
        yield from ()


def stop(spark: SparkSession) -> None:
    """Ends the tasks that still run, so that they stage nothing more; a Java that is gone has none."""
    with contextlib.suppress(*SPARK_ERRORS, OSError):
        spark.sparkContext.cancelAllJobs()


def _deal(splits: Sequence[Split], cores: int) -> list[list[Split]]:
    """The splits of each task, no more tasks than cores: a task costs a quarter of a second, and shares are even."""
    ordered = sorted(splits, key=lambda split: (split.file, split.share))
    files = {split.file: n for n, split in enumerate(ordered)}
    count = min(cores, len(ordered))
    return [[split for split in ordered if (files[split.file] + split.share) % count == n] for n in range(count)]


def reread_unsound(
    spark: SparkSession, splits: list[Split], context: Context, found: list[Report]
) -> tuple[list[Split], list[Report]]:
    """(splits, reports), with every plain file read whole whose quoting misled the planning of its ranges."""
    misled = {report.file for report in found if not report.is_sound}
    again = [split for split in splits if split.kind == "plain" and split.shares > 1 and split.file in misled]
    if not again:
        return splits, found
    stops = {split.file: max(other.stop for other in again if other.file == split.file) for split in again}
    whole = {s.file: replace(s, share=0, shares=1, start=0, line=1, stop=stops[s.file]) for s in again}
    _forget([report for report in found if report.file in whole], context)
    reread = reports(spark, list(whole.values()), context, "reading whole files again")
    others = [split for split in splits if split.file not in whole]
    return [*others, *whole.values()], _in_order([r for r in found if r.file not in whole] + reread)


def drop_duplicates(
    spark: SparkSession,
    splits: Sequence[Split],
    context: Context,
    found: list[Report],
    dropped: Mapping[tuple[str, int], npt.NDArray[np.int64]],
) -> list[Report]:
    """The reports, with the chunks in `dropped` read again and those rows quarantined."""
    if not dropped:
        return found
    files = {file for file, _ in dropped}
    _forget([report for report in found if (report.file, report.number) in dropped], context)
    again = [split for split in splits if split.file in files]
    reread = reports(spark, again, replace(context, dropped=dropped), "quarantining duplicate image IDs")
    kept = [report for report in found if (report.file, report.number) not in dropped]
    return _in_order(kept + reread)


def _in_order(found: list[Report]) -> list[Report]:
    return sorted(found, key=lambda report: (report.file, report.number))


def _forget(found: Sequence[Report], context: Context) -> None:
    staged = [file for report in found for file in (*report.staged, *report.beside())]
    delete([join(context.warehouse, file.table, file.path) for file in staged])


def _kernel(
    shares: Sequence[Sequence[T]], work: Callable[[T], Iterator[R]], warehouse: str
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def task(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        pa.set_cpu_count(1)
        pa.set_io_thread_count(1)
        for batch in batches:
            for number in batch.column("id").to_pylist():
                for item in shares[number]:
                    yield from _run(item, work, warehouse)

    return task


def _run(item: T, work: Callable[[T], Iterator[R]], warehouse: str) -> Iterator[pa.RecordBatch]:
    try:
        for report in work(item):
            yield _row(None, pickle.dumps(report))
    except InputError as error:
        yield _row(json.dumps({"kind": "input", "sentence": str(error)}), None)
    except PERMANENT as error:
        sentence = f"{warehouse}: cannot be written ({error}); free or mend the store, then run again"
        yield _row(json.dumps({"kind": "store", "sentence": sentence}), None)


def _row(error: str | None, report: bytes | None) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {"error": pa.array([error], pa.string()), "report": pa.array([report], pa.binary())}
    )


def collect(
    spark: SparkSession, frame: DataFrame | RDD[Any], count: int, what: str, watch: Watch | None = None
) -> list[Any]:
    """The rows of `frame`, collected in a thread of its own: an interrupt inside a call to Java breaks that call.

    `watch` returns when the rows are there; without one the tasks are counted.
    """
    with ThreadPoolExecutor(1) as pool:
        collected = pool.submit(frame.collect)
        try:
            (watch or _watch)(spark, count, what, collected)
            return list(collected.result())
        except SPARK_ERRORS as error:
            raise StoreError(
                f"Spark could not finish {what} ({_last_line(error)}); OILAKE_DEBUG=1 tells more"
            ) from None
        except BaseException:
            stop(spark)
            raise


def _watch(spark: SparkSession, count: int, what: str, collected: Future[Any]) -> None:
    """Waits; on a terminal with a bar of finished tasks, elsewhere with a line every half a minute."""
    tracker, started, told = spark.sparkContext.statusTracker(), time.monotonic(), 0
    with tqdm(total=count, desc=what, unit=" task", leave=False, disable=None, dynamic_ncols=True) as bar:
        while not wait([collected], 0.5).done:
            if bar.disable:
                if (waited := int(time.monotonic() - started) // PATIENCE_SECONDS) > told:
                    told = waited
                    say(f"{what}: goes on since {told * PATIENCE_SECONDS} s")
                continue
            infos = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
            bar.n = max([info.numCompletedTasks for info in infos if info], default=bar.n)
            bar.refresh()


def _last_line(error: Exception) -> str:
    """A task's own error stands at the end of what Spark tells about it."""
    lines = [line.strip() for line in str(error).splitlines() if "Error" in line or "Exception" in line]
    return lines[-1][:300] if lines else told(error)
