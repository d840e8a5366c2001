"""Reads all files of a release in tasks: rows staged, keys compared across chunks, and partitions put in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pyspark.sql import SparkSession

from oilake.conf.errors import DataQualityError
from oilake.conf.settings import Limits, Settings
from oilake.jobs.ingesting import (
    chunk_reports,
    class_files,
    duplicate_keys,
    landing_area,
    list_reader,
    reusable_files,
    sort_files,
    taken_members,
)
from oilake.jobs.ingesting.chunk_kernel import ChunkReport, IngestContext
from oilake.jobs.ingesting.ingest_plan import IngestPlan
from oilake.jobs.ingesting.member_digests import member_digests
from oilake.jobs.ingesting.release_files import MemberKey
from oilake.jobs.runtime.filesystem import delete_files
from oilake.jobs.runtime.progress import log_line
from oilake.jobs.tables import cleanup
from oilake.jobs.tables.snapshots import Snapshot
from oilake.jobs.tables.staging import StagedFile
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas


@dataclass
class ReadFiles:
    """What the files of a release gave: a report a chunk or list, and the staged files.

    `unmatched`: images of a list that no row of `images` has, by file and member; `digests`: what decides a member's rows.
    """

    reports: list[ChunkReport] = field(default_factory=list)
    staged: list[StagedFile] = field(default_factory=list)
    unmatched: dict[MemberKey, int] = field(default_factory=dict)
    digests: dict[MemberKey, str] = field(default_factory=dict)


def read_release(
    spark: SparkSession,
    settings: Settings,
    plan: IngestPlan,
    run_id: str,
    published: Mapping[str, Snapshot],
    code: bytes,
) -> ReadFiles:
    """Everything the files hold; text that a published release holds too is taken from there."""
    name, limits, warehouse = plan.release.release, settings.limits, Warehouse.of(settings)
    seed = code + repr(limits).encode()
    digests = member_digests(plan, code + repr(limits.field_bytes).encode())
    taken = taken_members.find_published(warehouse, plan, digests, published)
    taken_reports = taken_members.take_members(warehouse, plan, run_id, taken)
    if taken:
        log_line(taken_members.taken_sentence(name, taken))
    unread = plan.without_members(taken)
    context = IngestContext(
        plan.release,
        warehouse,
        run_id,
        unread.members,
        limits.block_bytes,
        limits.field_bytes,
        seed,
        reusable_files.find_reusable(warehouse, name, published),
        subsets=plan.subsets,
        digests=digests,
    )
    small_splits = landing_area.small_splits(plan.row_files(), plan.members)
    class_reports, class_list_files = class_files.ingest_class_files(small_splits, context)
    list_reports, lists = list_reader.read_lists(spark, unread, context, limits)
    reports = _read_rows(spark, unread, replace(context, lists=tuple(lists)), limits)
    unmatched = list_reader.count_unmatched(lists, reports) | taken_members.count_unmatched(taken)
    reports += taken_reports
    delete_files([image_list.uri for image_list in lists])
    staged = class_list_files + [file for report in [*list_reports, *reports] for file in report.beside()]
    staged += _sort_staged_files(spark, settings, run_id, reports, digests)
    if reused := sum(report.reused for report in reports):
        log_line(f"{name}: {reused:,} label rows stand in another release word for word and were taken from there")
    return ReadFiles([*class_reports, *list_reports, *reports], staged, unmatched, digests)


def _read_rows(spark: SparkSession, plan: IngestPlan, context: IngestContext, limits: Limits) -> list[ChunkReport]:
    """A report a chunk of the files whose rows go to tables; of rows with one key the first stays."""
    name, splits = plan.release.release, landing_area.plan_splits(plan.row_files(), plan.members, limits)
    reports = chunk_reports.collect_reports(spark, splits, context, f"{name}: reading")
    splits, reports = chunk_reports.reread_unsound(spark, splits, context, reports)
    repeated = _find_duplicates(plan, reports)
    reports = chunk_reports.drop_duplicates(spark, splits, context, reports, repeated)
    if repeated and _find_duplicates(plan, reports):
        raise DataQualityError(f"{name}: an image ID is left twice after the second was dropped; please report this")
    return reports


def quarantined_by_reason(reports: Sequence[ChunkReport]) -> dict[str, dict[str, int]]:
    """Rows that were kept out of each table, by the expectation that they broke."""
    counts_by_table: dict[str, Counter[str]] = {}
    for report in reports:
        counts_by_table.setdefault(report.table, Counter()).update(report.broken)
    return {table: dict(counts) for table, counts in counts_by_table.items()}


def _find_duplicates(
    plan: IngestPlan, reports: Sequence[ChunkReport]
) -> dict[tuple[str, int], duplicate_keys.Positions]:
    """Find the rows whose image ID an earlier row of their table has, in the order of the registry: the first stays."""
    members = (path for by_path in plan.members.values() for path in by_path)
    member_order = {path: n for n, path in enumerate(members)}
    ordered = sorted(reports, key=lambda report: (member_order[report.member], report.number))
    repeated: dict[tuple[str, int], duplicate_keys.Positions] = {}
    for table in schemas.image_tables():
        repeated |= duplicate_keys.find_duplicates([report for report in ordered if report.table == table])
    return repeated


def _sort_staged_files(
    spark: SparkSession,
    settings: Settings,
    run_id: str,
    reports: Sequence[ChunkReport],
    digests: Mapping[MemberKey, str],
) -> list[StagedFile]:
    files = [file for report in reports for file in report.staged]
    unsorted_groups = sort_files.unsorted_files(reports)
    if not unsorted_groups:
        return files
    log_line(f"sorting by image: {', '.join(sorted({table for table, _ in unsorted_groups}))}")
    replaced = [file for group in unsorted_groups.values() for file in group]
    warehouse = Warehouse.of(settings)
    digest_by_path = {f.path: digests.get((r.file, r.member), "") for r in reports for f in r.staged}
    sorted_files = sort_files.sort_by_image(spark, warehouse, run_id, unsorted_groups, digest_by_path)
    cleanup.delete_replaced(replaced, warehouse)
    return [file for file in files if file not in replaced] + sorted_files
