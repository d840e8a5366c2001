"""Which files of a release an export writes again, and which rows each of them holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from oilake.conf.chosen_files import FileChoice, chosen_files, chosen_members, member_subsets
from oilake.conf.published_forms import PublishedForm, published_form
from oilake.conf.registry import ROW_FORMATS, ExpectedMember, File, Release
from oilake.jobs.exporting.image_blocks import Row

NOT_READ = "it was not there when the release was ingested"
HELD_BY_OTHERS = "others hold its rows, and the tables do not keep which of them it has"
UNKNOWN_FILE = "the registry does not know it"


class MemberKey(NamedTuple):
    """The name of a file, and the path in it; of a plain file its name again."""

    file: str
    member: str


class RowShare(NamedTuple):
    """Of `parts` files that share the rows of a subset by image ID, the one that is `part`, from 0."""

    part: int
    parts: int


@dataclass(frozen=True)
class WrittenMember:
    """A member that is written. `shares`: by subset, which rows of it; `lists`: whether it holds only the images of its
    lists; `header`: the first line as it was read, None where there was none."""

    expected: ExpectedMember
    header: str | None
    form: PublishedForm
    shares: dict[str, RowShare]
    lists: bool = False

    @property
    def key(self) -> MemberKey:
        """The file and the path in it."""
        return member_key(self.expected)


@dataclass(frozen=True)
class MemberPlan:
    """What is written, in the registry's order, and by member why others are not."""

    written: tuple[WrittenMember, ...]
    left_out: dict[MemberKey, str]


def plan_members(release: Release, read_files: Sequence[Row], subsets: Sequence[str]) -> MemberPlan:
    """Plan the files of a release that hold rows of the subsets. `read_files`: rows of `release_files`."""
    headers = {MemberKey(row["file"], row["member"]): row["header"] for row in read_files}
    choice = FileChoice(subsets=() if set(subsets) == set(release.subsets) else tuple(subsets))
    chosen = chosen_files(release, choice, {key.file for key in headers})
    gives_rows = {each.file.name: each.gives_rows for each in chosen}
    members = [expected for each in chosen for expected in chosen_members(release, each.file, choice)]
    members = [expected for expected in members if member_key(expected) in headers]
    sharing = [expected for expected in members if gives_rows[expected.file.name]]
    written = tuple(
        WrittenMember(
            expected,
            headers[member_key(expected)],
            published_form(expected.path),
            _row_shares(release, expected, sharing, subsets),
            lists=not gives_rows[expected.file.name],
        )
        for expected in members
    )
    return MemberPlan(written, _left_out(release, choice, set(headers), {member.key for member in written}))


def _left_out(
    release: Release, choice: FileChoice, read: set[MemberKey], written: set[MemberKey]
) -> dict[MemberKey, str]:
    declared = [member_key(expected) for file in release.files for expected in chosen_members(release, file, choice)]
    reasons = {key: HELD_BY_OTHERS if _is_held(release, key) else NOT_READ for key in declared}
    reasons |= {key: HELD_BY_OTHERS if key in reasons else UNKNOWN_FILE for key in sorted(read) if not choice.subsets}
    return {key: reason for key, reason in reasons.items() if key not in written}


def _is_held(release: Release, key: MemberKey) -> bool:
    """Whether a file is an excerpt of others that is no list of images."""
    file = next(file for file in release.files if file.name == key.file)
    return bool(file.subset_of) and not _has_lists(file)


def _has_lists(file: File) -> bool:
    return any(member.image_lists for member in file.members)


def _row_shares(
    release: Release, expected: ExpectedMember, sharing: Sequence[ExpectedMember], subsets: Sequence[str]
) -> dict[str, RowShare]:
    """By subset, the share of the member among those that hold rows of the same kind."""
    shares = {}
    for subset in member_subsets(release, expected):
        if subset in subsets:
            kin = [
                member_key(other)
                for other in sharing
                if _is_kin(expected, other) and subset in member_subsets(release, other)
            ]
            key = member_key(expected)
            shares[subset] = RowShare(kin.index(key), len(kin)) if key in kin else RowShare(0, 1)
    return shares


def _is_kin(expected: ExpectedMember, other: ExpectedMember) -> bool:
    """Whether the tables do not tell in which of both files a row stood."""
    origins = (published_form(each.path).origins for each in (expected, other))
    return expected.member.table == other.member.table and len(set(origins)) == 1


def member_key(expected: ExpectedMember) -> MemberKey:
    """The file of a declared member and the path in it."""
    return MemberKey(expected.file.name, expected.path)


def has_rows(member: WrittenMember) -> bool:
    """Whether a member holds rows with named columns, and is no class list or hierarchy."""
    return member.expected.member.format in ROW_FORMATS
