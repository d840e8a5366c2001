"""Checks image bytes in a folder, a tar archive or on S3 against a release's sizes and MD5s, or its masks' PNGs."""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import get_args

import numpy as np
from pyspark.sql import SparkSession

from oilake.conf import placeholders
from oilake.conf.errors import ConfigError, DataQualityError
from oilake.conf.placeholders import Placeholders
from oilake.conf.registry import SUBSETS
from oilake.conf.settings import Settings
from oilake.jobs.blobs import blob_keys
from oilake.jobs.blobs.listing import list_blobs
from oilake.jobs.blobs.locations import locate_blobs
from oilake.jobs.blobs.reader import Method
from oilake.jobs.download import download
from oilake.jobs.downloading.selection import ImageSelection
from oilake.jobs.masking.mask_job import verify_masks
from oilake.jobs.pipeline.start import start_job
from oilake.jobs.runtime import options, spark_tasks
from oilake.jobs.runtime.printing import print_text
from oilake.jobs.runtime.progress import BlobsDone, blob_progress, log_line
from oilake.jobs.runtime.run_ids import new_run_id
from oilake.jobs.tables import checkpoint, cleanup, commits, publish
from oilake.jobs.tables.replace_partition import replace_part, replacement_number
from oilake.jobs.tables.snapshots import require_snapshot
from oilake.jobs.tables.staging import StagedFile
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.verifying import previous_checks, repair, selection
from oilake.jobs.verifying.expected_images import ORIGINS, ExpectedImages
from oilake.jobs.verifying.matching import Matcher, balance_by_bytes
from oilake.jobs.verifying.previous_checks import PreviousChecks
from oilake.jobs.verifying.selection import VerifySelection
from oilake.jobs.verifying.summary import Verification
from oilake.jobs.verifying.task import (
    TABLE,
    MatchedBlob,
    VerifyContext,
    VerifyOutcome,
    check_blobs,
    date_row,
    missing_row,
    stage_sorted_rows,
    stage_table,
)
from oilake.schemas import release_registry

BATCH = 100_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_release(parser, "release to check against, such as v3", required=True)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--blobs", metavar="PLACE", help="a folder, s3://bucket/prefix, or a .tar or .tar.gz of images")
    what.add_argument(
        "--masks", action="store_true", help="the masks' PNGs, in the zips of the landing area, against the table masks"
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
    options.add_places(parser, "warehouse", "landing", "registry")
    parser.add_argument("--force", action="store_true", help="look at every blob again, also at unchanged ones")
    parser.add_argument("--json", action="store_true", help="print the counts as JSON")
    options.add_metrics(parser)


def run(arguments: argparse.Namespace) -> int:
    settings = options.load_settings(arguments)
    if arguments.masks:
        return _run_masks(settings, arguments)
    wish = VerifySelection(tuple(arguments.subset or ()), arguments.images, arguments.origin, arguments.force)
    known_ones = placeholders.load_placeholders(arguments.placeholders)
    order = repair.repair_request(settings, arguments)
    verify_blobs = partial(verify, settings, arguments.release, arguments.blobs, arguments.method)
    verification = verify_blobs(wish, known_ones)
    if order and verification.bad and (bad := repair.find_bad_blobs(Warehouse.of(settings), verification, wish)):
        log_line(f"{order.location}: {len(bad):,} blobs are bad, and are asked for again")
        brought = download(settings, order, ImageSelection(blobs=bad, archive=order.archive))
        verification = verify_blobs(dataclasses.replace(wish, ids=bad["image_id"], force=False), known_ones)
        verification.repair = brought
    print_text(json.dumps(verification.as_json()) if arguments.json else verification.as_text())
    if verification.bad:
        raise DataQualityError(verification.failure())
    return 0


def _run_masks(settings: Settings, arguments: argparse.Namespace) -> int:
    repair.refuse_image_flags(arguments)
    release = release_registry.find_release(arguments.release, settings.registry)
    verification = verify_masks(settings, release, tuple(arguments.subset or ()), arguments.force)
    print_text(json.dumps(verification.as_json()) if arguments.json else verification.as_text())
    if verification.bad:
        raise DataQualityError(verification.failure())
    return 0


def verify(
    settings: Settings,
    release: str,
    blobs: str,
    method: Method = "full",
    wish: VerifySelection | None = None,
    known_placeholders: Placeholders | None = None,
) -> Verification:
    """Replaces the rows of `blob_checks` of one location; an interrupted run goes on from what it staged.

    ConfigError when the place or the release is not there, InputError when the place cannot be listed to its end.
    """
    started, wish = time.monotonic(), wish or VerifySelection()
    location = locate_blobs(blobs)
    if method == "etag" and location.kind != "s3":
        raise ConfigError(f"{location.uri}: only S3 has ETags; take --method full or size")
    warehouse = Warehouse.of(settings)
    publish.recover(warehouse)
    images, expected_from = selection.select_images(warehouse, require_snapshot(warehouse, release), location, wish)
    verification = Verification(release, location.uri, method, int(images.required.sum()), expected_from)
    spark, verification.start_seconds = start_job(settings, [TABLE])
    run_id = new_run_id()
    known_pictures = known_placeholders or placeholders.load_placeholders()
    context = VerifyContext(warehouse, release, location, method, settings.fetch, known_pictures, run_id)
    begun, unfinished = (
        replacement_number(warehouse, TABLE, context.part),
        checkpoint.read_note(warehouse, TABLE, context.part),
    )
    previous = previous_checks.load_previous_checks(warehouse, context.part, unfinished)
    checked = VerifyOutcome(staged=list(unfinished))
    try:
        matcher = Matcher(location, method, images, previous, wish.force)
        _check_waves(spark, matcher, context, checked)
        checked.add(_missing_rows(images, previous, context))
        checked.staged += _carried_files(images, previous, context, checked)
        verification.changed = bool(unfinished) or not checked.unchanged == previous.published == sum(
            checked.statuses.values()
        )
        staged = checked.staged[len(unfinished) :]
        if verification.changed:
            replace_part(warehouse, TABLE, context.part, staged, begun, run_id)
    except BaseException as error:
        spark_tasks.cancel_tasks(spark)
        checkpoint.delete_unnoted(warehouse, TABLE, run_id, checkpoint.read_note(warehouse, TABLE, context.part))
        raise commits.as_store_error(warehouse, error) from None
    checkpoint.forget_note(warehouse, TABLE, context.part)
    cleanup.delete_replaced(unfinished if verification.changed else staged, warehouse)
    _fill_summary(verification, checked, matcher)
    verification.seconds = time.monotonic() - started - verification.start_seconds
    return verification


def _check_waves(spark: SparkSession, matcher: Matcher, context: VerifyContext, checked: VerifyOutcome) -> None:
    """Every blob of the listing, wave by wave; the next wave is listed while one is looked at."""
    label = f"{context.release}: {context.method} check"
    cores = spark.sparkContext.defaultParallelism
    waves = matcher.waves(list_blobs(context.location, context.fetch, context.warehouse.storage), cores)
    with ThreadPoolExecutor(1) as pool, blob_progress(label) as report_rate:
        ahead = pool.submit(next, waves, None)
        while wave := ahead.result():
            ahead = pool.submit(next, waves, None)
            for result in _check_wave(spark, wave, cores, context, label):
                checked.add(result)
            report_rate(BlobsDone(checked.blobs, checked.bytes))
            checkpoint.write_note(context.warehouse, TABLE, context.part, checked.staged)


def _check_wave(
    spark: SparkSession, wave: Sequence[MatchedBlob], cores: int, context: VerifyContext, label: str
) -> list[VerifyOutcome]:
    shares = [[share] for share in balance_by_bytes(wave, cores, context.method)]
    return spark_tasks.run_tasks(spark, shares, partial(check_blobs, context=context), context.warehouse.uri, label)


def _missing_rows(images: ExpectedImages, previous: PreviousChecks, context: VerifyContext) -> VerifyOutcome:
    """The rows of the images that should have a blob and have none."""
    missing = VerifyOutcome()
    positions = np.flatnonzero(images.required & ~images.seen)
    for start in range(0, len(positions), BATCH):
        absent = [images.image(position) for position in positions[start : start + BATCH].tolist()]
        keys = [blob_keys.expected_key(image.subset, image.image_id) for image in absent]
        rows = [
            date_row(missing_row(image, key), old, context, missing)
            for image, key, old in zip(absent, keys, previous.find(keys), strict=True)
        ]
        stage_sorted_rows(rows, context, missing)
    return missing


def _carried_files(
    images: ExpectedImages, previous: PreviousChecks, context: VerifyContext, checked: VerifyOutcome
) -> Iterator[StagedFile]:
    """The rows of blobs that were not asked for this time, as they are."""
    if images.is_all_chosen:
        return
    rows = previous_checks.drop_superseded(selection.unasked_rows(images, previous.rows), images)
    for status in rows["status"].to_pylist():
        checked.statuses[status] += 1
    checked.unchanged += len(rows)
    checked.carried = len(rows)
    if len(rows):
        yield stage_table(previous_checks.complete_rows(rows, context.location.uri), context)


def _fill_summary(verification: Verification, checked: VerifyOutcome, matcher: Matcher) -> None:
    for name in ("blobs", "bytes", "read", "read_bytes", "carried"):
        setattr(verification, name, getattr(checked, name))
    verification.passed_over, verification.statuses, verification.shown = (
        matcher.passed_over,
        dict(checked.statuses),
        checked.shown,
    )


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("verify", __doc__, add_arguments, run))
