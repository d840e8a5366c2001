"""Refuses what was read before anything of it is published: rows lost or doubled, members missing, too many bad rows."""

from __future__ import annotations

from collections.abc import Sequence

from oilake.conf.errors import DataQualityError
from oilake.conf.registry import Release
from oilake.conf.settings import Settings
from oilake.jobs.ingesting import landing_area
from oilake.jobs.ingesting.chunk_kernel import ChunkReport
from oilake.jobs.ingesting.ingest_plan import IngestPlan
from oilake.jobs.ingesting.release_files import member_counts
from oilake.jobs.ingesting.release_reader import ReadFiles
from oilake.schemas import loader as schemas


def missing_members(plan: IngestPlan, reports: Sequence[ChunkReport]) -> list[str]:
    """Members that the registry expects and the landed archives do not hold."""
    held_members = {(report.file, report.member) for report in reports}
    names = [landed_file.file.name for landed_file in plan.landed]
    return [f"{name}: {path}" for name in names for path in plan.members[name] if (name, path) not in held_members]


def refuse_unpublishable(
    release: Release, settings: Settings, read: ReadFiles, lacking: Sequence[str], partial: bool
) -> None:
    """InputError or PromiseError, before anything is published."""
    reports = read.reports
    for table in schemas.row_tables():
        staged = sum(file.rows for file in read.staged if file.table == table)
        if staged != sum(report.kept for report in reports if report.table == table and not report.is_list):
            raise DataQualityError(
                f"{release.release}: {staged:,} rows of {table} were staged, another number was kept; "
                "nothing was published, please report this"
            )
    landing_area.refuse_missing(release, settings.landing, lacking, partial)
    for row in member_counts(reports).values():
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
