"""Brings the images of a release to a folder or to S3: chosen, checked, resumed, at a bounded rate, told in downloads."""

from __future__ import annotations

import argparse
import json
import math
import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial

from pyspark.sql import SparkSession

from conf import placeholders
from conf.errors import ConfigError, StoreError
from conf.settings import Settings
from jobs import command, options, place
from jobs.begin import begin
from jobs.blobs import writing
from jobs.blobs.resize import Resize
from jobs.downloading import choice as choices
from jobs.downloading import order as orders
from jobs.downloading import recorded, stretches, task
from jobs.downloading.choice import Choice
from jobs.downloading.gather import Ledger
from jobs.downloading.mailbox import open_mailbox
from jobs.downloading.order import Order
from jobs.downloading.outcome import DOWNLOADED
from jobs.downloading.stretches import Stretch
from jobs.downloading.tally import Tally
from jobs.progress import say
from jobs.tables import publish

FEWEST = 25
ROUNDS = 4


@dataclass
class Outcome:
    """One run. `statuses`: images by what became of them; `present`: there before, `other` of them of another source or
    size; `found`: downloaded ones that an interrupted run had finished; `bytes`: what was brought."""

    release: str
    location: str
    images: int = 0
    present: int = 0
    other: int = 0
    found: int = 0
    bytes: int = 0
    seconds: float = 0.0
    start_seconds: float = 0.0
    statuses: dict[str, int] = field(default_factory=dict)

    def as_text(self) -> str:
        """The outcome in a few lines for a person."""
        came = self.statuses.get(DOWNLOADED, 0)
        bad = ", ".join(f"{count:,} {status}" for status, count in self.statuses.items() if status != DOWNLOADED)
        rate = (sum(self.statuses.values()) - self.found) / self.seconds if self.seconds else 0.0
        lines = [
            f"{self.release}: {self.images:,} images: {came:,} downloaded, {self.present:,} there already"
            + (f"; {bad}" if bad else "")
        ]
        if self.found:
            lines.append(f"{self.found:,} of the downloaded ones were found whole: an interrupted run had brought them")
        if self.other:
            lines.append(f"{self.other:,} are there from another source or in another size, and were left as they are")
        lines.append(
            f"{self.location}: {self.bytes / 1e6:,.1f} MB in {self.seconds:.1f} s, {rate:,.0f} images/s, "
            f"and {self.start_seconds:.1f} s for Spark's start"
        )
        return "\n".join(lines)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--release", required=True, metavar="R", help="release whose images are wanted, such as v3")
    parser.add_argument("--to", required=True, metavar="PLACE", help="folder or s3://bucket/prefix for the images")
    parser.add_argument("--subset", action="append", default=[], choices=orders.SUBSETS, help="only this (repeatable)")
    parser.add_argument("--mid", action="append", default=[], metavar="MID", help="only images of a class (repeatable)")
    parser.add_argument("--with-subclasses", action="store_true", help="the classes below --mid in the hierarchy too")
    parser.add_argument(
        "--verdict", default="positive", choices=("positive", "negative", "unverified"),
        help="what image_labels says of --mid (default: positive)",
    )  # fmt: skip
    parser.add_argument("--boxed", action="store_true", help="only images with a box, of --mid where that is given")
    parser.add_argument("--license", metavar="TEXT", help="only images whose licence's URL holds this, such as /by/2.0")
    parser.add_argument("--images", metavar="FILE", help="only these: IDs, split/ID, or a TsvHttpData-1.0 list")
    parser.add_argument("--where", metavar="SQL", help="only rows of images that meet a condition in Spark SQL")
    parser.add_argument(
        "--from", dest="base", default="original", metavar="SOURCE",
        help="original, thumbnail, cvdf, an http(s) or s3 address that holds <subset>/<image_id>.jpg, or one of CVDF's "
        "tar.gz archives (default: original)",
    )  # fmt: skip
    parser.add_argument("--mirror", metavar="URL", help="ask <URL>/<host>/<path> in place of every host")
    parser.add_argument("--resize", type=int, metavar="N", help="upright, and at most N pixels on the longer side")
    parser.add_argument("--quality", type=int, default=90, metavar="N", help="of a resized JPEG, 1 to 95 (default: 90)")
    parser.add_argument("--format", default="jpeg", choices=("jpeg", "png"), help="of resized images (default: jpeg)")
    parser.add_argument("--rate", type=float, metavar="N", help="requests a second of all tasks; 0: no limit")
    parser.add_argument("--connections", type=int, metavar="N", help="images at once in each task")
    parser.add_argument(
        "--allow-private", action="store_true", help="ask loopback, link-local and private addresses too"
    )
    options.add_places(parser, "warehouse")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(arguments: argparse.Namespace) -> int:
    settings = options.load_settings(arguments)
    order = _order(settings, arguments)
    found = download(settings, order, replace(_choice(arguments), archive=order.archive))
    print(json.dumps(asdict(found)) if arguments.json else found.as_text())
    return 0


def _choice(arguments: argparse.Namespace) -> Choice:
    given = arguments
    if given.with_subclasses and not given.mid:
        raise ConfigError("--with-subclasses needs --mid")
    return Choice(
        tuple(given.subset), tuple(given.mid), given.with_subclasses, given.verdict, given.boxed, given.license,
        given.images, given.where,
    )  # fmt: skip


def _order(settings: Settings, given: argparse.Namespace) -> Order:
    """What the flags ask for; ConfigError where they do not fit."""
    source, base = orders.origin(given.base)
    if given.mirror and base:
        raise ConfigError("--mirror stands for the hosts of the release's own addresses; leave it out with this --from")
    limits = settings.download
    if given.rate is not None:
        if not 0 <= given.rate < math.inf:
            raise ConfigError(f"--rate must be 0 or more, not {given.rate}")
        limits = replace(limits, requests_per_second=given.rate or None)
    if given.connections is not None:
        if given.connections < 1:
            raise ConfigError(f"--connections must be at least 1, not {given.connections}")
        limits = replace(limits, connections=given.connections)
    return Order(
        release=given.release,
        run_id=uuid.uuid4().hex[:16],
        location=writing.location(given.to),
        source=source,
        base=base,
        mirror=orders.mirror(given.mirror),
        is_open=given.allow_private,
        resize=_resize(given),
        fetch=settings.fetch,
        download=limits,
        placeholders=placeholders.load(),
    )


def _resize(given: argparse.Namespace) -> Resize | None:
    if given.resize is None:
        if given.quality != 90 or given.format != "jpeg":
            raise ConfigError("--quality and --format are of resized images; give --resize too")
        return None
    if given.resize < 1 or not 1 <= given.quality <= 95:
        raise ConfigError("--resize must be at least 1, and --quality lie between 1 and 95")
    return Resize(given.resize, given.quality, given.format)


def download(settings: Settings, order: Order, choice: Choice) -> Outcome:
    """Brings the chosen images; what cannot be had is a row of `downloads`, and ends nothing.

    StoreError when the target or the table cannot be written. Interrupted or killed, the same call goes on: what is whole
    is not asked for again.
    """
    warehouse, started = settings.warehouse, time.monotonic()
    publish.recover(warehouse)
    images = choices.chosen(warehouse, order.release, choice)
    store = writing.store(order.location, order.fetch)
    if swept := store.sweep():
        say(f"{order.location}: {swept:,} unfinished files of an interrupted run were removed")
    spark, start_seconds = begin(settings)
    if choice.where:
        images = choices.meeting(spark, warehouse, order.release, choice.where, images)
    total = stretches.count(images)
    tally = Tally(total)
    if total:
        images = recorded.beside(images, warehouse, order.release, order.location)
        tasks = _tasks(total, order, spark)
        order = replace(order, tasks=min(tasks, spark.sparkContext.defaultParallelism))
        _work(spark, Ledger(warehouse, order, store, open_mailbox(spark), tally), images, tasks)
    return Outcome(
        order.release, order.location, total, tally.present, tally.other, tally.found, tally.bytes,
        time.monotonic() - started - start_seconds, start_seconds, dict(tally.statuses.most_common()),
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
    dealt = spark.sparkContext.parallelize(stretches.cut(images, tasks), tasks)
    kernel = partial(task.run, order=order, mailbox=ledger.mailbox)
    try:
        errors = place.collect(spark, dealt.mapPartitions(kernel), tasks, f"{order.release}: downloading", ledger.watch)
    finally:
        ledger.collect()
        ledger.flush()
    if errors:
        raise StoreError(f"{errors[0]}; what came is kept, run the same command again")


if __name__ == "__main__":
    raise SystemExit(command.main("download", __doc__, add_arguments, run))
