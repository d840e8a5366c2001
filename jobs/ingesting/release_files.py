"""The rows of `release_files`: what became of every member of every file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from oilake.conf.registry import Release
from oilake.conf.stated_bytes import stated_checksum, stated_values
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
    bytes_by_file = {landed_file.file.name: _bytes_columns(landed_file) for landed_file in landed}
    urls = {file.name: file.url for file in release.files}
    rows_by_member: dict[tuple[str, str], dict[str, Any]] = {}
    for report in reports:
        row = rows_by_member.setdefault((report.file, report.member), _empty_row(report, urls))
        row.update(bytes_by_file.get(report.file, {}))
        for column, attribute in COUNTS.items():
            row[column] += getattr(report, attribute)
        row["rows_quarantined"] += report.quarantined.rows if report.quarantined else 0
    return dict(sorted(rows_by_member.items()))


def _bytes_columns(landed_file: LandedFile) -> dict[str, Any]:
    """What the bytes are, and what was stated of them."""
    sums, file = landed_file.checksums, landed_file.file
    checksum = stated_checksum(file)
    return {
        "bytes": sums.bytes,
        "sha256": sums.sha256,
        "md5": sums.md5,
        "stated_bytes": file.size,
        "stated_checksum": f"{checksum.kind}:{checksum.value}" if checksum else None,
        "stated_by": checksum.stated_by if checksum else file.size_stated_by,
        "stated_source": checksum.source if checksum else None,
        "is_as_stated": not landed_file.differences() if stated_values(file) else None,
    }


def _empty_row(report: ChunkReport, urls: dict[str, str]) -> dict[str, Any]:
    counts = dict.fromkeys([*COUNTS, "rows_quarantined"], 0)
    named = {"file": report.file, "member": report.member, "url": urls[report.file], "header": report.header}
    return {**named, **counts}
