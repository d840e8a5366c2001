"""Checks image bytes in a folder, a tar archive or on S3 against the sizes and MD5s that a release publishes."""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import get_args

import numpy as np
from pyspark.sql import SparkSession

from oilake.conf import placeholders
from oilake.conf.errors import ConfigError, PromiseError
from oilake.conf.placeholders import Placeholders
from oilake.conf.settings import Settings
from oilake.jobs.blobs import blob_keys
from oilake.jobs.blobs.listing import listed
from oilake.jobs.blobs.locations import locate
from oilake.jobs.blobs.reader import Method
from oilake.jobs.download import download
from oilake.jobs.downloading.selection import Choice
from oilake.jobs.pipeline.start import begin
from oilake.jobs.runtime import entrypoint, options, spark_tasks
from oilake.jobs.runtime.printing import tell
from oilake.jobs.runtime.progress import Rate, rated, say
from oilake.jobs.tables import checkpoint, publish
from oilake.jobs.tables.replace_partition import number, replace
from oilake.jobs.tables.snapshots import pinned
from oilake.jobs.tables.staging import StagedFile
from oilake.jobs.verifying import previous_checks, repair, selection
from oilake.jobs.verifying.expected_images import ORIGINS, SUBSETS, Expected
from oilake.jobs.verifying.matching import Matcher, deal
from oilake.jobs.verifying.previous_checks import Known
from oilake.jobs.verifying.selection import Wishes
from oilake.jobs.verifying.summary import Verification
from oilake.jobs.verifying.task import TABLE, Checked, Context, Entry, check, dated, missing_row, stage_table, write

BATCH = 100_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--release", required=True, metavar="R", help="release to check against, such as v3")
    parser.add_argument(
        "--blobs", required=True, metavar="PLACE", help="a folder, s3://bucket/prefix, or a .tar or .tar.gz of images"
    )
    parser.add_argument(
        "--method",
        choices=get_args(Method),
        default="full",
        help="full: hash every byte (default); etag: S3's own MD5s, no byte is moved; size: sizes alone",
    )
    parser.add_argument("--subset", action="append", choices=SUBSETS, help="only this subset (may be repeated)")
    parser.add_argument(
        "--images", metavar="FILE", help="only these: a list of IDs, split/ID or file names, or a CSV file"
    )
    parser.add_argument(
        "--origin", choices=ORIGINS, help="where all the blobs came from (default: as `downloads` says, else original)"
    )
    parser.add_argument("--placeholders", metavar="FILE", help="YAML like conf/placeholders.yaml")
    repair.add_arguments(parser)
    options.add_places(parser, "warehouse")
    parser.add_argument("--force", action="store_true", help="look at every blob again, also at unchanged ones")
    parser.add_argument("--json", action="store_true", help="print the counts as JSON")


def run(arguments: argparse.Namespace) -> int:
    settings = options.load_settings(arguments)
    wish = Wishes(tuple(arguments.subset or ()), arguments.images, arguments.origin, arguments.force)
    known_ones = placeholders.load(arguments.placeholders)
    order = repair.order(settings, arguments)
    look = partial(verify, settings, arguments.release, arguments.blobs, arguments.method)
    found = look(wish, known_ones)
    if order and found.bad and (bad := repair.bad(settings.warehouse, found, wish)):
        say(f"{order.location}: {len(bad):,} blobs are bad, and are asked for again")
        brought = download(settings, order, Choice(blobs=bad, archive=order.archive))
        found = look(dataclasses.replace(wish, ids=bad["image_id"], force=False), known_ones)
        found.repair = brought
    tell(json.dumps(found.as_json()) if arguments.json else found.as_text())
    if found.bad:
        raise PromiseError(found.failure())
    return 0


def verify(
    settings: Settings,
    release: str,
    blobs: str,
    method: Method = "full",
    wish: Wishes | None = None,
    known_placeholders: Placeholders | None = None,
) -> Verification:
    """Replaces the rows of `blob_checks` of one location; an interrupted run goes on from what it staged.

    ConfigError when the place or the release is not there, InputError when the place cannot be listed to its end.
    """
    started, wish = time.monotonic(), wish or Wishes()
    location = locate(blobs)
    if method == "etag" and location.kind != "s3":
        raise ConfigError(f"{location.uri}: only S3 has ETags; take --method full or size")
    warehouse = settings.warehouse
    publish.recover(warehouse)
    images, expected_from = selection.images(warehouse, pinned(warehouse, release), location, wish)
    found = Verification(release, location.uri, method, int(images.wanted.sum()), expected_from)
    spark, found.start_seconds = begin(settings)
    run_id = uuid.uuid4().hex[:16]
    judged = known_placeholders or placeholders.load()
    context = Context(warehouse, release, location, method, settings.fetch, judged, run_id)
    begun, unfinished = number(warehouse, TABLE, context.part), checkpoint.read(warehouse, TABLE, context.part)
    before = previous_checks.load(warehouse, context.part, unfinished)
    done = Checked(staged=list(unfinished))
    try:
        matcher = Matcher(location, method, images, before, wish.force)
        _look(spark, matcher, context, done)
        done.add(_missing(images, before, context))
        done.staged += _carried(images, before, context, done)
        found.changed = bool(unfinished) or not done.unchanged == before.published == sum(done.statuses.values())
        staged = done.staged[len(unfinished) :]
        if found.changed:
            replace(warehouse, TABLE, context.part, staged, begun, run_id)
    except BaseException as error:
        spark_tasks.stop(spark)
        checkpoint.sweep(warehouse, TABLE, run_id, checkpoint.read(warehouse, TABLE, context.part))
        raise publish.unwritable(warehouse, error) from None
    checkpoint.forget(warehouse, TABLE, context.part)
    publish.leftovers(unfinished if found.changed else staged, warehouse)
    _tell(found, done, matcher)
    found.seconds = time.monotonic() - started - found.start_seconds
    return found


def _look(spark: SparkSession, matcher: Matcher, context: Context, done: Checked) -> None:
    """Every blob of the listing, wave by wave; the next wave is listed while one is looked at."""
    what = f"{context.release}: {context.method} check"
    cores = spark.sparkContext.defaultParallelism
    waves = matcher.waves(listed(context.location, context.fetch), cores)
    with ThreadPoolExecutor(1) as pool, rated(what) as tell:
        ahead = pool.submit(next, waves, None)
        while wave := ahead.result():
            ahead = pool.submit(next, waves, None)
            for one in _wave(spark, wave, cores, context, what):
                done.add(one)
            tell(Rate(done.blobs, done.bytes))
            checkpoint.write(context.warehouse, TABLE, context.part, done.staged)


def _wave(spark: SparkSession, wave: Sequence[Entry], cores: int, context: Context, what: str) -> list[Checked]:
    shares = [[share] for share in deal(wave, cores, context.method)]
    return spark_tasks.spread(spark, shares, partial(check, context=context), context.warehouse, what)


def _missing(images: Expected, before: Known, context: Context) -> Checked:
    """The rows of the images that should have a blob and have none."""
    found = Checked()
    places = np.flatnonzero(images.wanted & ~images.seen)
    for start in range(0, len(places), BATCH):
        absent = [images.image(place) for place in places[start : start + BATCH].tolist()]
        keys = [blob_keys.expected_key(one.subset, one.image_id) for one in absent]
        rows = [
            dated(missing_row(one, key), old, context, found)
            for one, key, old in zip(absent, keys, before.find(keys), strict=True)
        ]
        write(rows, context, found)
    return found


def _carried(images: Expected, before: Known, context: Context, done: Checked) -> Iterator[StagedFile]:
    """The rows of blobs that were not asked for this time, as they are."""
    if images.is_all_chosen:
        return
    rows = previous_checks.without(selection.others(images, before.rows), images)
    for status in rows["status"].to_pylist():
        done.statuses[status] += 1
    done.unchanged += len(rows)
    if len(rows):
        yield stage_table(previous_checks.whole(rows, context.location.uri), context)


def _tell(found: Verification, done: Checked, matcher: Matcher) -> None:
    for name in ("blobs", "bytes", "read", "read_bytes"):
        setattr(found, name, getattr(done, name))
    found.passed_over, found.statuses, found.shown = matcher.passed_over, dict(done.statuses), done.shown


if __name__ == "__main__":
    raise SystemExit(entrypoint.main("verify", __doc__, add_arguments, run))
