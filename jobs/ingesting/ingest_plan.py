"""What one run takes of a release: its files that are there and chosen, and the members and subsets of each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from oilake.conf.chosen_files import ALL_FILES, ChosenFile, FileChoice, chosen_files, member_subsets, missing_names
from oilake.conf.registry import ExpectedMember, Release, expected_members
from oilake.conf.settings import Settings
from oilake.jobs.ingesting import landing_area
from oilake.jobs.ingesting.landed_names import landed_names
from oilake.jobs.ingesting.landing_area import LandedFile

# What is taken of each file, by its name and the member's path.
MembersByFile = Mapping[str, Mapping[str, ExpectedMember]]


@dataclass(frozen=True)
class IngestPlan:
    """The files that a run takes, and what it takes of them.

    `members`: path -> member, by file; `subsets`: those whose rows are taken of a file that tells them in a column, empty:
    all; `absent`: chosen files that are not there; `is_whole`: nothing of the release is left out.
    """

    release: Release
    landed: tuple[LandedFile, ...]
    members: MembersByFile
    subsets: tuple[str, ...]
    absent: tuple[str, ...]
    is_whole: bool

    def row_files(self) -> list[LandedFile]:
        """The files whose rows go to tables."""
        return [landed_file for landed_file in self.landed if landed_file.gives_rows]

    def list_files(self) -> list[LandedFile]:
        """The files that only say which images stand in a list."""
        return [landed_file for landed_file in self.landed if not landed_file.gives_rows]

    def without_members(self, taken: Collection[tuple[str, str]]) -> IngestPlan:
        """What is left of the plan when some members, by file and path, are taken care of."""
        members = {
            name: {path: expected for path, expected in by_path.items() if (name, path) not in taken}
            for name, by_path in self.members.items()
        }
        landed = tuple(landed_file for landed_file in self.landed if members[landed_file.file.name])
        return replace(self, landed=landed, members=members)


def plan_ingest(
    settings: Settings,
    release: Release,
    choice: FileChoice,
    partial: bool,
    held: Sequence[Mapping[str, Any]] = (),
    before_hashing: Callable[[Sequence[ChosenFile], MembersByFile], None] = lambda *_: None,
) -> IngestPlan:
    """The plan; InputError where chosen files are missing, or where none is there.

    `held`: rows of `release_files` of what is published of the release; with a choice of tables or subsets it stays.
    `before_hashing` is called with the files and what is taken of them, once it is known that none is missing.
    """
    landing = settings.storage_uri(settings.landing)
    present = landed_names(release, landing)
    absent = missing_names(release, choice, present)
    asked = landing_area.members_by_file(release, choice)
    wider = FileChoice(tuple(sorted(choice.tables)), tuple(sorted(choice.subsets)))
    stays: set[tuple[str, str]] = set()
    if choice != ALL_FILES and held:
        stays = {(row["file"], row["member"]) for row in held}
        absent += sorted({name for name, _ in stays} - {*present, *absent})
        wider = _widen_choice(release, choice, held)
    landing_area.refuse_missing(release, settings.landing, absent, partial)
    members = {
        name: {path: e for path, e in by_path.items() if path in asked[name] or (name, path) in stays}
        for name, by_path in landing_area.members_by_file(release, wider).items()
    }
    there = [chosen for chosen in chosen_files(release, wider, present) if members[chosen.file.name]]
    landing_area.refuse_empty(release, settings.landing, there)
    before_hashing(there, members)
    landed = tuple(landing_area.hash_landed(release, landing, there))
    is_whole = _is_whole(release, landed, members, wider.subsets)
    return IngestPlan(release, landed, members, wider.subsets, tuple(absent), is_whole)


def _widen_choice(release: Release, choice: FileChoice, held: Sequence[Mapping[str, Any]]) -> FileChoice:
    """The choice, with the tables and subsets that are published already."""
    expected_by_key = {(file.name, e.path): e for file in release.files for e in expected_members(release, file)}
    expected = [(row, expected_by_key.get((row["file"], row["member"]))) for row in held]
    tables = [e.member.table for _, e in expected if e]
    subsets = [
        subset
        for row, e in expected
        if e
        for subset in (member_subsets(release, e) if row.get("subsets") is None else row["subsets"])
    ]
    return FileChoice(
        tuple(sorted({*choice.tables, *tables})) if choice.tables else (),
        tuple(sorted({*choice.subsets, *subsets})) if choice.subsets else (),
    )


def ingest_fingerprint(plan: IngestPlan, settings: Settings, partial: bool, code: bytes) -> str:
    """SHA-256 over all that decides what the tables hold: inputs, what is taken of them, registry, limits and `code`."""
    taken = {landed_file.file.name: sorted(plan.members[landed_file.file.name]) for landed_file in plan.landed}
    digest = hashlib.sha256(repr((plan.release, settings.limits, partial, taken, plan.subsets)).encode())
    for landed_file in plan.landed:
        digest.update(f"{landed_file.file.name} {landed_file.checksums.sha256}\n".encode())
    digest.update(code)
    return digest.hexdigest()


def _is_whole(
    release: Release,
    landed: Sequence[LandedFile],
    members: MembersByFile,
    subsets: Sequence[str],
) -> bool:
    files = [landed_file.file for landed_file in landed]
    return (
        not missing_names(release, ALL_FILES, [file.name for file in files])
        and all(len(members[file.name]) == len(expected_members(release, file)) for file in files)
        and set(subsets or release.subsets) == set(release.subsets)
    )
