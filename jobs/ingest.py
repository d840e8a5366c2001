"""Reads a release's files, normalizes, splits valid rows from quarantined ones, and publishes Delta tables."""

from __future__ import annotations

import argparse
import json
import time
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
from pyspark.sql import SparkSession

from oilake.conf import registry
from oilake.conf.errors import InputError, PromiseError
from oilake.conf.registry import Release
from oilake.conf.settings import Settings
from oilake.jobs.ingesting import chunk_reports, class_files, duplicate_keys, landing_area, reusable_files, sort_files
from oilake.jobs.ingesting.chunk_kernel import TYPES, Context, Report
from oilake.jobs.ingesting.landing_area import Landed
from oilake.jobs.ingesting.release_files import rows as release_file_rows
from oilake.jobs.ingesting.summary import Summary, summarize
from oilake.jobs.pipeline.gated_publication import Staged, pass_gate, publish_passed
from oilake.jobs.pipeline.start import begin
from oilake.jobs.runtime import code_version, entrypoint, options
from oilake.jobs.runtime.filesystem import join
from oilake.jobs.runtime.printing import tell
from oilake.jobs.runtime.progress import say
from oilake.jobs.tables import publish
from oilake.jobs.tables.publish import Publication
from oilake.jobs.tables.snapshots import INGEST, RELEASE, Snapshot, lost, snapshots
from oilake.jobs.tables.staging import StagedFile, stage
from oilake.jobs.validation.publish_gate import Known
from oilake.schemas import loader as schemas


@dataclass
class Read:
    """What the files of a release gave: a report a chunk or list, and the staged files."""

    reports: list[Report] = field(default_factory=list)
    staged: list[StagedFile] = field(default_factory=list)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--release", required=True, metavar="R", help="release to ingest, such as v3")
    options.add_places(parser, "landing", "warehouse", "registry")
    parser.add_argument("--partial", action="store_true", help="take the archives and subsets that are there")
    parser.add_argument("--force", action="store_true", help="ingest again even if nothing changed")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(arguments: argparse.Namespace) -> int:
    settings = options.load_settings(arguments)
    release = registry.find(arguments.release, settings.registry)
    summary = ingest(settings, release, arguments.partial, arguments.force)
    tell(json.dumps(summary.as_json()) if arguments.json else summary.as_text())
    return 0


def ingest(settings: Settings, release: Release, partial: bool = False, force: bool = False) -> Summary:
    """Publishes `release` from the landing area; does nothing when the same input was published by the same code
    and its files are there."""
    started = time.monotonic()
    absent = landing_area.missing(release, settings.landing)
    landing_area.refuse_missing(release, settings.landing, absent, partial)
    landed = landing_area.land(release, settings.landing)
    fingerprint = landing_area.fingerprint(release, landed, settings, partial, _code())
    publish.recover(settings.warehouse)
    published = snapshots(settings.warehouse)
    before = published.get(release.release)
    if before and before.fingerprints[INGEST] == fingerprint and not force:
        gone = lost(settings.warehouse, before, INGEST) or lost(settings.warehouse, before, RELEASE)
        if gone is None:
            return summarize(release, settings.warehouse, before)
        say(f"{gone}; they are made again")
    spark, start_seconds = begin(settings)
    run_id = uuid.uuid4().hex[:16]
    inputs = {one.file.name: one.checksums.sha256 for one in landed}

    def stage_tables() -> Staged[Read]:
        read = _read(spark, settings, release, landed, run_id, {} if force else published)
        lacking = [*absent, *_lacking(release, landed, read.reports)]
        _check(release, settings, read, lacking, partial)
        read.staged.append(_stage_release_files(settings, release, landed, read.reports, run_id))
        status = "partial" if lacking else "complete"
        publication = Publication(release.release, run_id, status, fingerprint, INGEST, inputs, tuple(read.staged))
        return Staged(publication, Known(_quarantined(read.reports), ("images",), not lacking), read)

    passed = pass_gate(spark, settings.warehouse, run_id, stage_tables)
    pin = publish_passed(settings.warehouse, passed)
    summary = summarize(release, settings.warehouse, pin, passed.told.reports)
    summary.start_seconds = start_seconds
    summary.seconds = time.monotonic() - started - start_seconds
    return summary


def _code() -> bytes:
    return code_version.digest("oilake.jobs.ingest", INGEST)


def _read(
    spark: SparkSession,
    settings: Settings,
    release: Release,
    landed: Sequence[Landed],
    run_id: str,
    published: Mapping[str, Snapshot],
) -> Read:
    """Everything the files hold; text that a published release holds too is taken from there."""
    members = landing_area.wanted(release)
    limits = settings.limits
    seed = _code() + repr(limits).encode()
    context = Context(
        release,
        settings.warehouse,
        run_id,
        members,
        limits.block_bytes,
        limits.field_bytes,
        seed,
        reusable_files.texts(settings.warehouse, release.release, published),
    )
    read = Read()
    read.reports, small = class_files.ingest(landing_area.small_splits(landed, members), context)
    splits = landing_area.splits(landed, members, limits)
    found = chunk_reports.reports(spark, splits, context, f"{release.release}: reading")
    splits, found = chunk_reports.reread_unsound(spark, splits, context, found)
    repeated = duplicate_keys.duplicates(_images(release, found))
    found = chunk_reports.drop_duplicates(spark, splits, context, found, repeated)
    if repeated and duplicate_keys.duplicates(_images(release, found)):
        raise PromiseError(
            f"{release.release}: an image ID is left twice after the second was dropped; please report this"
        )
    read.staged = small + [file for report in found for file in report.beside()]
    read.staged += _in_order(spark, settings, run_id, found)
    read.reports += found
    if reused := sum(report.reused for report in found):
        say(
            f"{release.release}: {reused:,} label rows stand in another release word for word and were taken from there"
        )
    return read


def _quarantined(reports: Sequence[Report]) -> dict[str, dict[str, int]]:
    """Rows that were kept out of each table, by the expectation that they broke."""
    found: dict[str, Counter[str]] = {}
    for report in reports:
        found.setdefault(report.table, Counter()).update(report.broken)
    return {table: dict(counts) for table, counts in found.items()}


def _images(release: Release, reports: Sequence[Report]) -> list[Report]:
    """The reports of `images` in the order of the registry: of two rows with one ID the first in this order stays."""
    places = {path: n for n, path in enumerate(p for members in landing_area.wanted(release).values() for p in members)}
    return sorted((r for r in reports if r.table == "images"), key=lambda r: (places[r.member], r.number))


def _in_order(spark: SparkSession, settings: Settings, run_id: str, reports: Sequence[Report]) -> list[StagedFile]:
    files = [file for report in reports for file in report.staged]
    found = sort_files.unsorted(reports)
    if not found:
        return files
    say(f"sorting by image: {', '.join(sorted({table for table, _ in found}))}")
    replaced = [file for group in found.values() for file in group]
    sorted_files = sort_files.sort(spark, settings.warehouse, run_id, found)
    publish.leftovers(replaced, settings.warehouse)
    return [file for file in files if file not in replaced] + sorted_files


def _lacking(release: Release, landed: Sequence[Landed], reports: Sequence[Report]) -> list[str]:
    """Members that the registry expects and the landed archives do not hold."""
    held = {(report.file, report.member) for report in reports}
    members = landing_area.wanted(release)
    names = [one.file.name for one in landed]
    return [f"{name}: {path}" for name in names for path in members[name] if (name, path) not in held]


def _check(release: Release, settings: Settings, read: Read, lacking: Sequence[str], partial: bool) -> None:
    """InputError or PromiseError, before anything is published."""
    reports = read.reports
    for table in TYPES:
        staged = sum(file.rows for file in read.staged if file.table == table)
        if staged != sum(report.kept for report in reports if report.table == table):
            raise PromiseError(
                f"{release.release}: {staged:,} rows of {table} were staged, another number was kept; "
                "nothing was published, please report this"
            )
    where = join(settings.landing, release.tag)
    if lacking and not partial:
        raise InputError(
            f"{where}: release {release.release} lacks {', '.join(lacking)}; "
            "fetch what is missing, or take what is there with --partial"
        )
    for row in release_file_rows(release, [], reports).values():
        if row["rows_kept"] + row["rows_quarantined"] != row["rows_read"]:
            raise PromiseError(
                f"{row['file']}: {row['member']}: {row['rows_read']:,} rows were read, {row['rows_kept']:,} kept and "
                f"{row['rows_quarantined']:,} quarantined; nothing was published, please report this"
            )
        if row["rows_quarantined"] > settings.limits.max_share * row["rows_read"]:
            raise PromiseError(_too_many(row, reports, settings.limits.max_share))


def _too_many(row: dict[str, object], reports: Sequence[Report], share: float) -> str:
    counts: dict[str, int] = {}
    for report in reports:
        if (report.file, report.member) == (row["file"], row["member"]):
            for reason, count in report.reasons.items():
                counts[reason] = counts.get(reason, 0) + count
    told = ", ".join(f"{reason} {count:,}" for reason, count in sorted(counts.items(), key=lambda item: -item[1]))
    return (
        f"{row['file']}: {row['member']}: {row['rows_quarantined']:,} of {row['rows_read']:,} rows break a promise "
        f"({told}), more than the {share:.1%} that limits.max_share allows; nothing was published. "
        f"Correct the file or the rule, or allow more in an environment of your own (--env FILE)"
    )


def _stage_release_files(
    settings: Settings, release: Release, landed: Sequence[Landed], reports: Sequence[Report], run_id: str
) -> StagedFile:
    table = schemas.load("release_files")
    rows = list(release_file_rows(release, landed, reports).values())
    arrow = schemas.arrow_schema(table)
    data = {name: [row[name] for row in rows] for name in arrow.names}
    return stage(settings.warehouse, table, {"release": release.release}, run_id, pa.table(data, schema=arrow))


if __name__ == "__main__":
    raise SystemExit(entrypoint.main("ingest", __doc__, add_arguments, run))
