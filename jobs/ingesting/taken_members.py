"""Members whose rows a published release has already: their files are taken over whole, and not read again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from oilake.conf.errors import StoreError
from oilake.jobs.ingesting.chunk_kernel import MEMBER_NOTE, REASONS_NOTE, ChunkReport
from oilake.jobs.ingesting.ingest_plan import IngestPlan
from oilake.jobs.ingesting.release_files import COUNTS, MemberKey, noted_digests
from oilake.jobs.ingesting.reusable_files import READERS, read_notes
from oilake.jobs.tables import staging
from oilake.jobs.tables.slice_files import PublishedFile, published_files, small_rows
from oilake.jobs.tables.slice_versions import LostRowsError
from oilake.jobs.tables.snapshots import Snapshot
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas

REPAIRED = ("image_ids_repaired", "mids_repaired")


@dataclass(frozen=True)
class NotedFile:
    """A published file of `table`, and what its writer noted of the chunk in it."""

    table: str
    file: PublishedFile
    notes: Mapping[str, str]


@dataclass(frozen=True)
class PublishedMember:
    """A member as a release published it: its row of `release_files`, and all files that hold its rows."""

    row: Mapping[str, Any]
    files: tuple[NotedFile, ...]

    def is_whole(self) -> bool:
        """Whether the files hold what was counted when the member was read: none is gone or was written anew."""
        counted = Counter({"quarantine": 0, "repairs": 0, self.row["table_name"]: 0})
        for noted in self.files:
            counted[noted.table] += noted.file.rows
        return counted == {
            self.row["table_name"]: self.row["rows_kept"] if self.row["images_unmatched"] is None else 0,
            "quarantine": self.row["rows_quarantined"],
            "repairs": sum(self.row[name] for name in REPAIRED),
        }


def find_published(
    warehouse: Warehouse, plan: IngestPlan, digests: Mapping[MemberKey, str], published: Mapping[str, Snapshot]
) -> dict[MemberKey, PublishedMember]:
    """The members that some release has published already, by file and member; a release's own publication comes first."""
    missing = dict(digests)
    members: dict[MemberKey, PublishedMember] = {}
    for pin in sorted(published.values(), key=lambda pin: pin.release != plan.release.release):
        if not missing:
            break
        for key, member in _members_of_release(warehouse, pin, missing).items():
            members[key] = member
            del missing[key]
    return _without_parts(plan, digests, members)


def _members_of_release(
    warehouse: Warehouse, pin: Snapshot, digests: Mapping[MemberKey, str]
) -> dict[MemberKey, PublishedMember]:
    try:
        noted_files = published_files(warehouse, "release_files", pin)
        published_digests = {
            key: digest for file in noted_files for key, digest in noted_digests(read_notes(file.uri)).items()
        }
        if {*digests.values()}.isdisjoint(published_digests.values()):
            return {}
        listed = small_rows(warehouse, "release_files", pin)
        rows = {
            published_digests[key]: row for row in listed if (key := (row["file"], row["member"])) in published_digests
        }
        shared = {key: digest for key, digest in digests.items() if digest in rows}
        tables = {*(rows[digest]["table_name"] for digest in shared.values()), "quarantine", "repairs"}
        files = [(table, file) for table in sorted(tables) for file in published_files(warehouse, table, pin)]
    except (LostRowsError, StoreError):
        return {}
    with ThreadPoolExecutor(READERS) as pool:
        notes = pool.map(read_notes, (file.uri for _, file in files))
    by_digest: dict[str, list[NotedFile]] = {}
    for (table, file), noted in zip(files, notes, strict=True):
        by_digest.setdefault(noted.get(MEMBER_NOTE, ""), []).append(NotedFile(table, file, noted))
    found = {key: PublishedMember(rows[digest], tuple(by_digest.get(digest, ()))) for key, digest in shared.items()}
    return {key: member for key, member in found.items() if member.is_whole()}


def _without_parts(
    plan: IngestPlan, digests: Mapping[MemberKey, str], members: dict[MemberKey, PublishedMember]
) -> dict[MemberKey, PublishedMember]:
    """Of a table with one row an image all members or none: one that is read must be compared with the others."""
    tables = {key: plan.members[key[0]][key[1]].member.table for key in digests}
    lacking = {tables[key] for key in digests if key not in members}
    keyed = {table for table in lacking if schemas.table_schema(table).is_keyed_by_image()}
    return {key: member for key, member in members.items() if tables[key] not in keyed}


def take_members(
    warehouse: Warehouse, plan: IngestPlan, run_id: str, members: Mapping[MemberKey, PublishedMember]
) -> list[ChunkReport]:
    """Stages the members' files once more, for this release: the reports that reading them would have given."""
    jobs = [(key, member.row, noted) for key, member in members.items() for noted in member.files]
    with ThreadPoolExecutor(READERS) as pool:
        reports = list(pool.map(lambda job: _take_file(warehouse, plan, run_id, *job), jobs))
    for number, report in enumerate(reports):
        report.number = number
    return [*(_counts_report(key, member.row) for key, member in members.items()), *reports]


def _counts_report(key: MemberKey, row: Mapping[str, Any]) -> ChunkReport:
    """The counts of a member; what they count is staged by others."""
    report = ChunkReport(*key, row["table_name"], -1, header=row["header"])
    for column, attribute in COUNTS.items():
        setattr(report, attribute, row[column])
    report.is_list = row["images_unmatched"] is not None
    return report


def _take_file(
    warehouse: Warehouse, plan: IngestPlan, run_id: str, key: MemberKey, row: Mapping[str, Any], noted: NotedFile
) -> ChunkReport:
    table = schemas.table_schema(noted.table)
    partition = {**noted.file.partition, "release": plan.release.release}
    staged = staging.stage_copy(noted.file.uri, warehouse, table, partition, run_id, 0)
    report = ChunkReport(*key, row["table_name"], 0, header=row["header"])
    report.broken.update(json.loads(noted.notes.get(REASONS_NOTE, "{}")))
    if noted.table == "quarantine":
        report.quarantined = staged
    elif noted.table == "repairs":
        report.repairs = staged
    else:
        report.staged = [staged]
        if table.sort_by:
            ends, name = json.loads(staged.stats), "/".join(partition.values())
            report.ends = {name: (ends["minValues"]["image_id"], ends["maxValues"]["image_id"])}
            report.is_sorted = {name: True}
    return report


def count_unmatched(members: Mapping[MemberKey, PublishedMember]) -> dict[MemberKey, int]:
    """What was counted of lists that are not read again: their images that no row of `images` has."""
    counts = {key: member.row["images_unmatched"] for key, member in members.items()}
    return {key: count for key, count in counts.items() if count is not None}


def taken_sentence(release: str, members: Mapping[MemberKey, PublishedMember]) -> str:
    """What a run tells of the members that it did not read."""
    rows = sum(member.row["rows_read"] for member in members.values())
    files: Sequence[str] = sorted({name for name, _ in members})
    return f"{release}: {rows:,} rows of {len(files)} files are published already and were taken over unread"
