"""The rows of `release_files`: what became of every member of every file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from oilake.conf.registry import Release
from oilake.jobs.ingesting.chunk_kernel import ChunkReport
from oilake.jobs.ingesting.landing_area import LandedFile

COUNTS = {
    "rows_read": "read",
    "rows_kept": "kept",
    "image_ids_repaired": "image_ids_repaired",
    "mids_repaired": "mids_repaired",
}


def release_file_rows(
    release: Release, landed: Sequence[LandedFile], reports: Sequence[ChunkReport]
) -> dict[tuple[str, str], dict[str, Any]]:
    """One row a (file, member), by these; url and checksums only where `landed` has the file."""
    sums = {landed_file.file.name: landed_file.checksums for landed_file in landed}
    urls = {file.name: file.url for file in release.files}
    rows_by_member: dict[tuple[str, str], dict[str, Any]] = {}
    for report in reports:
        row = rows_by_member.setdefault((report.file, report.member), _empty_row(report, urls))
        if report.file in sums:
            checksums = sums[report.file]
            row.update(bytes=checksums.bytes, sha256=checksums.sha256, md5=checksums.md5)
        for column, attribute in COUNTS.items():
            row[column] += getattr(report, attribute)
        row["rows_quarantined"] += report.quarantined.rows if report.quarantined else 0
    return dict(sorted(rows_by_member.items()))


def _empty_row(report: ChunkReport, urls: dict[str, str]) -> dict[str, Any]:
    counts = dict.fromkeys([*COUNTS, "rows_quarantined"], 0)
    named = {"file": report.file, "member": report.member, "url": urls[report.file], "header": report.header}
    return {**named, **counts}
