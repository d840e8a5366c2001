"""The archives of V1 to V3 in a folder, with defects planted into V3's."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oilake.conf.registry import ExpectedMember, File, Release, expected_members
from oilake.jobs.runtime.progress import track_progress
from oilake.jobs.synthetic import archives, classfiles, defect_injection
from oilake.jobs.synthetic.archives import Content
from oilake.jobs.synthetic.classes import SampleClasses
from oilake.jobs.synthetic.defect_injection import Edit, SpooledMember
from oilake.jobs.synthetic.defects import KINDS
from oilake.jobs.synthetic.release_rules import AFTER
from oilake.jobs.synthetic.sample_choice import SampleChoice

PLANTED = AFTER
# The table whose files a defect's place belongs to.
TABLE_OF_PLACE = {"images": "images", "machine": "labels", "human": "labels", "boxes": "boxes", "attributes": "boxes"}


@dataclass(frozen=True)
class ArchiveJob:
    """V1 to V3 in the making: `out` receives what is whole, `folder` holds what is not.

    `releases`: those that are written, the files of `tables` alone.
    """

    out: Path
    folder: Path
    seed: int
    releases: Mapping[str, Release]
    tables: Collection[str]
    classes: SampleClasses

    @property
    def written_files(self) -> list[tuple[Release, File]]:
        """The archives and loose files that are written."""
        every = [(release, file) for release in self.releases.values() for file in release.files]
        return [(release, file) for release, file in every if file.members[0].table in self.tables]

    @property
    def row_members(self) -> list[tuple[Release, ExpectedMember]]:
        """The members that hold rows."""
        members = [(release, each) for release, file in self.written_files for each in expected_members(release, file)]
        return [(release, each) for release, each in members if each.member.format == "csv"]


def available_kinds(choice: SampleChoice) -> list[str]:
    """The kinds of defects that fit some chosen file of V3."""
    tables = set(choice.tables) if PLANTED in choice.releases else set()
    return [name for name, kind in KINDS.items() if tables & {TABLE_OF_PLACE[place] for place in kind.tables}]


def spool_headers(job: ArchiveJob) -> dict[str, bytes]:
    """The first line of every spool."""
    return {archives.spool_name(*each): archives.header_line(*each) for each in job.row_members}


def write_archives(job: ArchiveJob, defect_counts: Mapping[str, int]) -> list[tuple[Any, ...]]:
    """Every file to its published place, with as many defects of each kind in V3's; the truth about these."""
    edits = defect_injection.plan_edits(job.seed, defect_counts, _planted_members(job)) if defect_counts else {}
    lines: dict[str, list[int]] = {}
    for release, file in track_progress(job.written_files, len(job.written_files), "archives written", "files"):
        _write_file(job, release, file, edits if release.release == PLANTED else {}, lines)
    archive = {member.path: member.archive for member in _planted_members(job)}
    return [
        defect_injection.truth_row(PLANTED, archive[path], path, line, edit, KINDS[edit.kind].reason)
        for path, member_edits in edits.items()
        for edit, line in zip(member_edits, lines.get(path, []), strict=True)
    ]


def _planted_members(job: ArchiveJob) -> list[SpooledMember]:
    spooled = []
    for release, each in job.row_members:
        if release.release == PLANTED:
            spool = archives.spool_name(release, each)
            table = spool.split("-")[0]
            spooled.append(SpooledMember(each.file.name, each.path, table, each.subset or "", job.folder / spool))
    return spooled


def _write_file(
    job: ArchiveJob, release: Release, file: File, edits: Mapping[str, list[Edit]], lines: dict[str, list[int]]
) -> None:
    """One published file; `lines` learns where the planted records of each member start."""
    members: list[tuple[str, Content]] = []
    for each in expected_members(release, file):
        if each.member.format != "csv":
            members.append((each.path, classfiles.member_content(job.seed, release, each, job.classes)))
            continue
        content = job.folder / archives.spool_name(release, each)
        if edits.get(each.path):
            planted = job.folder / f"planted-{content.name}"
            lines[each.path] = defect_injection.apply_edits(content, planted, edits[each.path])
            content = planted
        members.append((each.path, content))
    target = job.out / release.tag / file.name
    if file.kind == "plain":
        archives.write_plain(target, job.folder, members[0][1])
    else:
        archives.write_tar_gz(target, job.folder, members, release.date)
    _delete_planted(content for _, content in members)


def _delete_planted(contents: Iterable[Content]) -> None:
    """Planted copies have no second use, and much room is at stake."""
    for content in contents:
        if isinstance(content, Path) and content.name.startswith("planted-"):
            content.unlink()
