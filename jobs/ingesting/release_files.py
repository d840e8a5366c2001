"""The rows of `release_files`: what became of every member of every file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from oilake.conf.chosen_files import member_subsets
from oilake.conf.stated_bytes import stated_checksum, stated_values
from oilake.jobs.ingesting.chunk_kernel import ChunkReport
from oilake.jobs.ingesting.ingest_plan import IngestPlan
from oilake.jobs.ingesting.landing_area import LandedFile

MemberKey = tuple[str, str]
# In the footer of the file of `release_files`: what decides each member's rows. Whoever writes the rows anew, as a release
# of quarantined rows does, leaves it out: these rows are not what the digest tells.
DIGESTS_NOTE = "oilake.member_digests"

COUNTS = {
    "rows_read": "read",
    "rows_kept": "kept",
    "image_ids_repaired": "image_ids_repaired",
    "mids_repaired": "mids_repaired",
}


def release_file_rows(
    plan: IngestPlan, reports: Sequence[ChunkReport], unmatched: Mapping[MemberKey, int]
) -> dict[MemberKey, dict[str, Any]]:
    """One row a member, by file and member. `unmatched`: images of a list that no row of `images` has."""
    files = {landed_file.file.name: landed_file for landed_file in plan.landed}
    rows = member_counts(reports)
    for (name, path), row in rows.items():
        expected = plan.members[name][path]
        subsets = [s for s in member_subsets(plan.release, expected) if not plan.subsets or s in plan.subsets]
        row.update(_bytes_columns(files[name]))
        row.update(url=files[name].file.url, subsets=subsets, images_unmatched=unmatched.get((name, path)))
    return rows


def digest_notes(digests: Mapping[MemberKey, str]) -> dict[str, str]:
    """The note of the members' digests."""
    return {DIGESTS_NOTE: json.dumps([[*key, digest] for key, digest in sorted(digests.items())])}


def noted_digests(notes: Mapping[str, str]) -> dict[MemberKey, str]:
    """The members' digests that a footer's notes tell; none where another than an ingest wrote the file."""
    return {(file, member): digest for file, member, digest in json.loads(notes.get(DIGESTS_NOTE, "[]"))}


def member_counts(reports: Sequence[ChunkReport]) -> dict[MemberKey, dict[str, Any]]:
    """What became of the rows of every member, its table and its header, by file and member."""
    rows_by_member: dict[MemberKey, dict[str, Any]] = {}
    for report in reports:
        row = rows_by_member.setdefault((report.file, report.member), _empty_row(report))
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


def _empty_row(report: ChunkReport) -> dict[str, Any]:
    counts = dict.fromkeys([*COUNTS, "rows_quarantined"], 0)
    named = {"file": report.file, "member": report.member, "table_name": report.table, "header": report.header}
    return {**named, **counts}
