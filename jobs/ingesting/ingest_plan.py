"""What one run takes of a release: its files that are there and chosen, and the members and subsets of each."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from oilake.conf.chosen_files import ALL_FILES, FileChoice, missing_names
from oilake.conf.registry import ExpectedMember, Release, expected_members
from oilake.conf.settings import Settings
from oilake.jobs.ingesting import landing_area
from oilake.jobs.ingesting.landing_area import LandedFile


@dataclass(frozen=True)
class IngestPlan:
    """The files that a run takes, and what it takes of them.

    `members`: path -> member, by file; `subsets`: those whose rows are taken of a file that tells them in a column, empty:
    all; `absent`: chosen files that are not there; `is_whole`: nothing of the release is left out.
    """

    release: Release
    landed: tuple[LandedFile, ...]
    members: Mapping[str, Mapping[str, ExpectedMember]]
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


def plan_ingest(settings: Settings, release: Release, choice: FileChoice, partial: bool) -> IngestPlan:
    """The plan; InputError where chosen files are missing, or where none is there."""
    landing = settings.stored(settings.landing)
    present = landing_area.landed_names(release, landing)
    absent = missing_names(release, choice, present)
    landing_area.refuse_missing(release, settings.landing, absent, partial)
    landed = landing_area.find_landed(release, landing, choice)
    landing_area.refuse_empty(release, settings.landing, landed)
    members = landing_area.members_by_file(release, choice)
    return IngestPlan(
        release,
        tuple(landed),
        members,
        choice.subsets,
        tuple(absent),
        _is_whole(release, landed, members, choice.subsets),
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
    members: Mapping[str, Mapping[str, ExpectedMember]],
    subsets: Sequence[str],
) -> bool:
    files = [landed_file.file for landed_file in landed]
    return (
        not missing_names(release, ALL_FILES, [file.name for file in files])
        and all(len(members[file.name]) == len(expected_members(release, file)) for file in files)
        and set(subsets or release.subsets) == set(release.subsets)
    )
