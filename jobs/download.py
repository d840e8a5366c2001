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

from oilake.conf.errors import ConfigError, StoreError
from oilake.conf.settings import Settings
from oilake.jobs.blobs import open_store
from oilake.jobs.downloading import download_history, image_flags, row_selection, task
from oilake.jobs.downloading import request as orders
from oilake.jobs.downloading import selection as choices
from oilake.jobs.downloading.progress import Tally
from oilake.jobs.downloading.request import Order
from oilake.jobs.downloading.results_writer import Ledger
from oilake.jobs.downloading.row_selection import Stretch
from oilake.jobs.downloading.selection import Choice
from oilake.jobs.downloading.summary import Brought
from oilake.jobs.downloading.task_messages import open_mailbox
from oilake.jobs.pipeline.start import begin
from oilake.jobs.runtime import entrypoint, options, spark_tasks
from oilake.jobs.runtime.printing import tell
from oilake.jobs.runtime.progress import say
from oilake.jobs.tables import publish
from oilake.jobs.tables.snapshots import snapshots

FEWEST = 25
ROUNDS = 4
AGAIN = "what came is kept, run the same command again"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--release", required=True, metavar="R", help="release whose images are wanted, such as v3")
    parser.add_argument("--to", required=True, metavar="PLACE", help="folder or s3://bucket/prefix for the images")
    parser.add_argument("--subset", action="append", default=[], choices=orders.SUBSETS, help="only this (repeatable)")
    parser.add_argument(
        "--mid", action="append", default=[], metavar="CLASS", help="only images of this: a MID or a name"
    )
    parser.add_argument("--with-subclasses", action="store_true", help="the classes below --mid in the hierarchy too")
    parser.add_argument(
        "--verdict", default="positive", choices=("positive", "negative", "unverified"),
        help="what image_labels says of --mid (default: positive)",
    )  # fmt: skip
    parser.add_argument("--boxed", action="store_true", help="only images with a box, of --mid where that is given")
    parser.add_argument("--license", metavar="TEXT", help="only images whose licence's URL holds this, such as /by/2.0")
    parser.add_argument(
        "--images",
        metavar="FILE",
        help="only these: a list of IDs, split/ID or file names, a CSV file, or a TsvHttpData-1.0 list",
    )
    parser.add_argument("--where", metavar="SQL", help="only rows of images that meet a condition in Spark SQL")
    image_flags.add_arguments(parser)
    options.add_places(parser, "warehouse")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(arguments: argparse.Namespace) -> int:
    settings = options.load_settings(arguments)
    wanted = image_flags.order(settings, arguments, arguments.release, arguments.to)
    found = download(settings, wanted, replace(_choice(arguments), archive=wanted.archive))
    tell(json.dumps(asdict(found)) if arguments.json else found.as_text())
    return 0


def _choice(arguments: argparse.Namespace) -> Choice:
    given = arguments
    if given.with_subclasses and not given.mid:
        raise ConfigError("--with-subclasses needs --mid; name a class, or leave it out")
    return Choice(
        tuple(given.subset), tuple(given.mid), given.with_subclasses, given.verdict, given.boxed, given.license,
        given.images, given.where,
    )  # fmt: skip


def download(settings: Settings, order: Order, choice: Choice) -> Brought:
    """Brings the chosen images; what cannot be had is a row of `downloads`, and ends nothing.

    StoreError when the target or the table cannot be written. Interrupted or killed, the same call goes on: what is whole
    is not asked for again.
    """
    warehouse, started = settings.warehouse, time.monotonic()
    publish.recover(warehouse)
    known = snapshots(warehouse)
    images = choices.chosen(warehouse, order.release, choice, known)
    store = open_store.store(order.location, order.fetch)
    if swept := store.sweep():
        say(f"{order.location}: {swept:,} unfinished files of an interrupted run were removed")
    spark, start_seconds = begin(settings)
    if choice.where:
        images = choices.meeting(spark, warehouse, order.release, choice.where, images, known)
    total = row_selection.count(images)
    tally = Tally(total)
    if total:
        images = download_history.beside(images, warehouse, order.release, order.location)
        tasks = _tasks(total, order, spark)
        order = replace(order, tasks=min(tasks, spark.sparkContext.defaultParallelism))
        _work(spark, Ledger(warehouse, order, store, open_mailbox(spark), tally), images, tasks)
        store.sweep()  # an executor that was killed meanwhile left its half files
    return Brought(
        order.release, order.location, total, tally.present, tally.other, tally.found, tally.bytes,
        time.monotonic() - started - start_seconds, start_seconds, dict(tally.statuses.most_common()), dict(tally.reasons),
    )  # fmt: skip


def _tasks(total: int, order: Order, spark: SparkSession) -> int:
    """As many as make no task larger than it may be; some for each core, while they are not too small to pay."""
    if order.archive:
        return 1
    cores = spark.sparkContext.defaultParallelism
    return max(math.ceil(total / order.download.images_per_task), min(cores * ROUNDS, math.ceil(total / FEWEST)))


def _work(spark: SparkSession, ledger: Ledger, images: Sequence[Stretch], tasks: int) -> None:
    """Runs the tasks; whatever ends them, what had come is committed."""
    order = ledger.order
    dealt = spark.sparkContext.parallelize(row_selection.cut(images, tasks), tasks)
    kernel = partial(task.run, order=order, mailbox=ledger.mailbox)
    try:
        try:
            told = f"{order.release}: downloading"
            errors = spark_tasks.collect(spark, dealt.mapPartitions(kernel), tasks, told, ledger.watch)
        finally:
            ledger.collect()
            ledger.flush()
    except OSError as error:
        raise StoreError(f"{task.unwritable(error, order.location)}; {AGAIN}") from None
    if errors:
        raise StoreError(f"{errors[0]}; {AGAIN}")


if __name__ == "__main__":
    raise SystemExit(entrypoint.main("download", __doc__, add_arguments, run))
