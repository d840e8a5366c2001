"""The rows of `release_files`: what became of every member of every file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from oilake.conf.registry import Release
from oilake.jobs.ingesting.chunk_kernel import Report
from oilake.jobs.ingesting.landing_area import Landed

COUNTS = {
    "rows_read": "read",
    "rows_kept": "kept",
    "image_ids_repaired": "image_ids_repaired",
    "mids_repaired": "mids_repaired",
}


def rows(
    release: Release, landed: Sequence[Landed], reports: Sequence[Report]
) -> dict[tuple[str, str], dict[str, Any]]:
    """One row a (file, member), by these; url and checksums only where `landed` has the file."""
    sums = {one.file.name: one.checksums for one in landed}
    urls = {file.name: file.url for file in release.files}
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for report in reports:
        row = found.setdefault((report.file, report.member), _empty(report, urls))
        if report.file in sums:
            checksums = sums[report.file]
            row.update(bytes=checksums.bytes, sha256=checksums.sha256, md5=checksums.md5)
        for column, attribute in COUNTS.items():
            row[column] += getattr(report, attribute)
        row["rows_quarantined"] += report.quarantined.rows if report.quarantined else 0
    return dict(sorted(found.items()))


def _empty(report: Report, urls: dict[str, str]) -> dict[str, Any]:
    counts = dict.fromkeys([*COUNTS, "rows_quarantined"], 0)
    named = {"file": report.file, "member": report.member, "url": urls[report.file], "header": report.header}
    return {**named, **counts}
