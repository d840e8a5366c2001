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

from oilake.conf.errors import DataQualityError, InputError
from oilake.conf.registry import Release
from oilake.conf.settings import Settings
from oilake.jobs.ingesting import chunk_reports, class_files, duplicate_keys, landing_area, reusable_files, sort_files
from oilake.jobs.ingesting.chunk_kernel import ChunkReport, IngestContext
from oilake.jobs.ingesting.landing_area import LandedFile
from oilake.jobs.ingesting.release_files import release_file_rows
from oilake.jobs.ingesting.summary import Summary, summarize_release
from oilake.jobs.pipeline.gated_publication import StagedPublication, pass_gate, publish_passed
from oilake.jobs.pipeline.start import start_job
from oilake.jobs.runtime import code_version, entrypoint, options
from oilake.jobs.runtime.filesystem import join_uri
from oilake.jobs.runtime.printing import print_text
from oilake.jobs.runtime.progress import log_line
from oilake.jobs.tables import cleanup, publish
from oilake.jobs.tables.publication import Publication
from oilake.jobs.tables.published_slices import lost_rows_sentence
from oilake.jobs.tables.snapshots import INGEST, RELEASE, Snapshot, newest_snapshots
from oilake.jobs.tables.staging import StagedFile, stage_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.validation.publish_gate import PublishFacts
from oilake.schemas import loader as schemas
from oilake.schemas import release_registry


@dataclass
class ReadFiles:
    """What the files of a release gave: a report a chunk or list, and the staged files."""

    reports: list[ChunkReport] = field(default_factory=list)
    staged: list[StagedFile] = field(default_factory=list)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--release", required=True, metavar="R", help="release to ingest, such as v3")
    options.add_places(parser, "landing", "warehouse", "registry")
    parser.add_argument("--partial", action="store_true", help="take the archives and subsets that are there")
    options.add_accept_changed(parser)
    parser.add_argument("--force", action="store_true", help="ingest again even if nothing changed")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(arguments: argparse.Namespace) -> int:
    settings = options.load_settings(arguments)
    release = release_registry.find_release(arguments.release, settings.registry)
    summary = ingest(settings, release, arguments.partial, arguments.force, arguments.accept_changed)
    print_text(json.dumps(summary.as_json()) if arguments.json else summary.as_text())
    return 0


def ingest(
    settings: Settings, release: Release, partial: bool = False, force: bool = False, accept_changed: bool = False
) -> Summary:
    """Publishes `release` from the landing area; does nothing when the same input was published by the same code
    and its files are there. `accept_changed`: take files whose bytes are not the stated ones."""
    started = time.monotonic()
    absent = landing_area.missing_files(release, settings.landing_uri())
    landing_area.refuse_missing(release, settings.landing, absent, partial)
    landed = landing_area.find_landed(release, settings.landing_uri())
    landing_area.refuse_changed(landed, accept_changed)
    fingerprint = landing_area.ingest_fingerprint(release, landed, settings, partial, _code_digest())
    warehouse = Warehouse.of(settings)
    publish.recover(warehouse)
    published = newest_snapshots(warehouse)
    before = published.get(release.release)
    if before and before.fingerprints[INGEST] == fingerprint and not force:
        gone = lost_rows_sentence(warehouse, before, INGEST) or lost_rows_sentence(warehouse, before, RELEASE)
        if gone is None:
            return summarize_release(release, warehouse, before)
        log_line(f"{gone}; they are made again")
    spark, start_seconds = start_job(settings)
    run_id = uuid.uuid4().hex[:16]
    inputs = {landed_file.file.name: landed_file.checksums.sha256 for landed_file in landed}

    def stage_tables() -> StagedPublication[ReadFiles]:
        read = _read_files(spark, settings, release, landed, run_id, {} if force else published)
        lacking = [*absent, *_missing_members(release, landed, read.reports)]
        _refuse_unpublishable(release, settings, read, lacking, partial)
        read.staged.append(_stage_release_files(settings, release, landed, read.reports, run_id))
        status = "partial" if lacking else "complete"
        publication = Publication(release.release, run_id, status, fingerprint, INGEST, inputs, tuple(read.staged))
        return StagedPublication(
            publication, PublishFacts(_quarantined_by_reason(read.reports), _tables_keyed_by_image(), not lacking), read
        )

    passed = pass_gate(spark, warehouse, run_id, stage_tables)
    snapshot = publish_passed(warehouse, passed)
    summary = summarize_release(release, warehouse, snapshot, passed.told.reports)
    summary.start_seconds = start_seconds
    summary.seconds = time.monotonic() - started - start_seconds
    return summary


def _code_digest() -> bytes:
    return code_version.code_digest("oilake.jobs.ingest", INGEST)


def _read_files(
    spark: SparkSession,
    settings: Settings,
    release: Release,
    landed: Sequence[LandedFile],
    run_id: str,
    published: Mapping[str, Snapshot],
) -> ReadFiles:
    """Everything the files hold; text that a published release holds too is taken from there."""
    members = landing_area.members_by_file(release)
    limits = settings.limits
    seed = _code_digest() + repr(limits).encode()
    warehouse = Warehouse.of(settings)
    context = IngestContext(
        release,
        warehouse,
        run_id,
        members,
        limits.block_bytes,
        limits.field_bytes,
        seed,
        reusable_files.find_reusable(warehouse, release.release, published),
    )
    read = ReadFiles()
    read.reports, class_list_files = class_files.ingest_class_files(landing_area.small_splits(landed, members), context)
    splits = landing_area.plan_splits(landed, members, limits)
    reports = chunk_reports.collect_reports(spark, splits, context, f"{release.release}: reading")
    splits, reports = chunk_reports.reread_unsound(spark, splits, context, reports)
    repeated = _find_duplicates(release, reports)
    reports = chunk_reports.drop_duplicates(spark, splits, context, reports, repeated)
    if repeated and _find_duplicates(release, reports):
        raise DataQualityError(
            f"{release.release}: an image ID is left twice after the second was dropped; please report this"
        )
    read.staged = class_list_files + [file for report in reports for file in report.beside()]
    read.staged += _sort_staged_files(spark, settings, run_id, reports)
    read.reports += reports
    if reused := sum(report.reused for report in reports):
        log_line(
            f"{release.release}: {reused:,} label rows stand in another release word for word and were taken from there"
        )
    return read


def _quarantined_by_reason(reports: Sequence[ChunkReport]) -> dict[str, dict[str, int]]:
    """Rows that were kept out of each table, by the expectation that they broke."""
    counts_by_table: dict[str, Counter[str]] = {}
    for report in reports:
        counts_by_table.setdefault(report.table, Counter()).update(report.broken)
    return {table: dict(counts) for table, counts in counts_by_table.items()}


def _tables_keyed_by_image() -> tuple[str, ...]:
    return tuple(name for name in schemas.row_tables() if schemas.table_schema(name).is_keyed_by_image())


def _find_duplicates(
    release: Release, reports: Sequence[ChunkReport]
) -> dict[tuple[str, int], duplicate_keys.Positions]:
    """Find the rows whose image ID an earlier row of their table has, in the order of the registry: the first stays."""
    members = (path for by_path in landing_area.members_by_file(release).values() for path in by_path)
    member_order = {path: n for n, path in enumerate(members)}
    ordered = sorted(reports, key=lambda report: (member_order[report.member], report.number))
    repeated: dict[tuple[str, int], duplicate_keys.Positions] = {}
    for table in _tables_keyed_by_image():
        repeated |= duplicate_keys.find_duplicates([report for report in ordered if report.table == table])
    return repeated


def _sort_staged_files(
    spark: SparkSession, settings: Settings, run_id: str, reports: Sequence[ChunkReport]
) -> list[StagedFile]:
    files = [file for report in reports for file in report.staged]
    unsorted_groups = sort_files.unsorted_files(reports)
    if not unsorted_groups:
        return files
    log_line(f"sorting by image: {', '.join(sorted({table for table, _ in unsorted_groups}))}")
    replaced = [file for group in unsorted_groups.values() for file in group]
    warehouse = Warehouse.of(settings)
    sorted_files = sort_files.sort_by_image(spark, warehouse, run_id, unsorted_groups)
    cleanup.delete_replaced(replaced, warehouse)
    return [file for file in files if file not in replaced] + sorted_files


def _missing_members(release: Release, landed: Sequence[LandedFile], reports: Sequence[ChunkReport]) -> list[str]:
    """Members that the registry expects and the landed archives do not hold."""
    held_members = {(report.file, report.member) for report in reports}
    members = landing_area.members_by_file(release)
    names = [landed_file.file.name for landed_file in landed]
    return [f"{name}: {path}" for name in names for path in members[name] if (name, path) not in held_members]


def _refuse_unpublishable(
    release: Release, settings: Settings, read: ReadFiles, lacking: Sequence[str], partial: bool
) -> None:
    """InputError or PromiseError, before anything is published."""
    reports = read.reports
    for table in schemas.row_tables():
        staged = sum(file.rows for file in read.staged if file.table == table)
        if staged != sum(report.kept for report in reports if report.table == table):
            raise DataQualityError(
                f"{release.release}: {staged:,} rows of {table} were staged, another number was kept; "
                "nothing was published, please report this"
            )
    where = join_uri(settings.landing, release.tag)
    if lacking and not partial:
        raise InputError(
            f"{where}: release {release.release} lacks {', '.join(lacking)}; "
            "fetch what is missing, or take what is there with --partial"
        )
    for row in release_file_rows(release, [], reports).values():
        if row["rows_kept"] + row["rows_quarantined"] != row["rows_read"]:
            raise DataQualityError(
                f"{row['file']}: {row['member']}: {row['rows_read']:,} rows were read, {row['rows_kept']:,} kept and "
                f"{row['rows_quarantined']:,} quarantined; nothing was published, please report this"
            )
        if row["rows_quarantined"] > settings.limits.max_share * row["rows_read"]:
            raise DataQualityError(_too_many_sentence(row, reports, settings.limits.max_share))


def _too_many_sentence(row: dict[str, object], reports: Sequence[ChunkReport], share: float) -> str:
    counts: dict[str, int] = {}
    for report in reports:
        if (report.file, report.member) == (row["file"], row["member"]):
            for reason, count in report.reasons.items():
                counts[reason] = counts.get(reason, 0) + count
    reason_counts = ", ".join(
        f"{reason} {count:,}" for reason, count in sorted(counts.items(), key=lambda item: -item[1])
    )
    return (
        f"{row['file']}: {row['member']}: {row['rows_quarantined']:,} of {row['rows_read']:,} rows break a promise "
        f"({reason_counts}), more than the {share:.1%} that limits.max_share allows; nothing was published. "
        f"Correct the file or the rule, or allow more in an environment of your own (--env FILE)"
    )


def _stage_release_files(
    settings: Settings, release: Release, landed: Sequence[LandedFile], reports: Sequence[ChunkReport], run_id: str
) -> StagedFile:
    table = schemas.table_schema("release_files")
    rows = list(release_file_rows(release, landed, reports).values())
    arrow = schemas.arrow_schema(table)
    data = {name: [row[name] for row in rows] for name in arrow.names}
    return stage_rows(Warehouse.of(settings), table, {"release": release.release}, run_id, pa.table(data, schema=arrow))


if __name__ == "__main__":
    raise SystemExit(entrypoint.main("ingest", __doc__, add_arguments, run))
