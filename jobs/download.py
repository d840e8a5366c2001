"""Brings the images of a release to a folder or to S3: chosen, checked, resumed, at a bounded rate, told in downloads."""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial

from pyspark.sql import SparkSession

from oilake.conf.errors import StoreError
from oilake.conf.settings import Settings
from oilake.jobs.blobs import open_store
from oilake.jobs.downloading import download_history, image_flags, row_selection, task
from oilake.jobs.downloading import selection as choices
from oilake.jobs.downloading.progress import DownloadProgress
from oilake.jobs.downloading.request import DownloadRequest
from oilake.jobs.downloading.results_writer import ResultsWriter
from oilake.jobs.downloading.row_selection import RowSelection
from oilake.jobs.downloading.selection import ImageSelection
from oilake.jobs.downloading.summary import DownloadSummary
from oilake.jobs.downloading.task_messages import open_mailbox
from oilake.jobs.pipeline.start import start_job
from oilake.jobs.runtime import options, run_events, spark_tasks
from oilake.jobs.runtime.printing import print_text
from oilake.jobs.runtime.progress import log_line
from oilake.jobs.tables import publish

MIN_IMAGES_PER_TASK = 25
TASKS_PER_CORE = 4
RERUN_ADVICE = "what came is kept, run the same command again"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_release(parser, "release whose images are wanted, such as v3", required=True)
    parser.add_argument("--to", required=True, metavar="PLACE", help="folder or s3://bucket/prefix for the images")
    options.add_image_choice(parser, "images", "--mid")
    parser.add_argument("--boxed", action="store_true", help="only images with a box, of --mid where that is given")
    parser.add_argument(
        "--images",
        metavar="FILE",
        help="only these: a list of IDs, split/ID or file names, a CSV file, or a TsvHttpData-1.0 list",
    )
    image_flags.add_arguments(parser)
    options.add_places(parser, "warehouse")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    options.add_metrics(parser)


def run(arguments: argparse.Namespace) -> int:
    settings = options.load_settings(arguments)
    order = image_flags.download_request(settings, arguments, arguments.release, arguments.to)
    choice = replace(
        choices.image_choice(arguments), is_boxed=arguments.boxed, images=arguments.images, archive=order.archive
    )
    summary = download(settings, order, choice)
    print_text(json.dumps(asdict(summary)) if arguments.json else summary.as_text())
    return 0


def download(settings: Settings, order: DownloadRequest, choice: ImageSelection) -> DownloadSummary:
    """Brings the chosen images; what cannot be had is a row of `downloads`, and ends nothing.

    StoreError when the target or the table cannot be written. Interrupted or killed, the same call goes on: what is whole
    is not asked for again.
    """
    started = time.monotonic()
    warehouse = publish.settled_warehouse(settings)
    images = choices.choose_images(warehouse, order.release, choice)
    if choice.where:
        images = choices.keep_matching(warehouse, order.release, choice.where, images)
    store = open_store.open_blob_store(order.location, order.fetch, order.storage)
    if swept := store.sweep():
        log_line(f"{order.location}: {swept:,} unfinished files of an interrupted run were removed")
    spark, start_seconds = start_job(settings)
    total = row_selection.count_images(images)
    tally = DownloadProgress(total)
    if total:
        images = download_history.add_recorded_blobs(images, warehouse, order.release, order.location)
        tasks = _task_count(total, order, spark)
        order = replace(order, tasks=min(tasks, spark.sparkContext.defaultParallelism))
        _run_tasks(spark, ResultsWriter(warehouse, order, store, open_mailbox(spark), tally), images, tasks)
        run_events.tell(run_events.FilesBrought(tally.bytes))
        store.sweep()  # an executor that was killed meanwhile left its half files
    return DownloadSummary(
        order.release, order.location, total, tally.present, tally.other, tally.found, tally.bytes,
        time.monotonic() - started - start_seconds, start_seconds, dict(tally.statuses.most_common()), dict(tally.reasons),
    )  # fmt: skip


def _task_count(total: int, order: DownloadRequest, spark: SparkSession) -> int:
    """As many as make no task larger than it may be; some for each core, while they are not too small to pay."""
    if order.archive:
        return 1
    cores = spark.sparkContext.defaultParallelism
    return max(
        math.ceil(total / order.download.images_per_task),
        min(cores * TASKS_PER_CORE, math.ceil(total / MIN_IMAGES_PER_TASK)),
    )


def _run_tasks(spark: SparkSession, ledger: ResultsWriter, images: Sequence[RowSelection], tasks: int) -> None:
    """Runs the tasks; whatever ends them, what had come is committed."""
    order = ledger.order
    task_rows = spark.sparkContext.parallelize(row_selection.cut_into_tasks(images, tasks), tasks)
    kernel = partial(task.download_partition, order=order, mailbox=ledger.mailbox)
    try:
        try:
            label = f"{order.release}: downloading"
            errors = spark_tasks.collect_rows(spark, task_rows.mapPartitions(kernel), tasks, label, ledger.watch)
        finally:
            ledger.collect()
            ledger.flush()
    except OSError as error:
        raise StoreError(f"{task.unwritable_sentence(error, order.location)}; {RERUN_ADVICE}") from None
    if errors:
        raise StoreError(f"{errors[0]}; {RERUN_ADVICE}")


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("download", __doc__, add_arguments, run))
