"""Which files of a release give the rows of the tables and subsets that are asked for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from oilake.conf.errors import ConfigError
from oilake.conf.registry import ExpectedMember, File, Release, expected_members
from oilake.conf.shared_files import wider_files


@dataclass(frozen=True)
class FileChoice:
    """The tables and subsets that are asked for; none of them means all. Class lists belong to no subset."""

    tables: tuple[str, ...] = ()
    subsets: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChosenFile:
    """A file to take. `gives_rows`: its rows go to its tables; else it only says which images stand in its lists."""

    file: File
    gives_rows: bool = True


ALL_FILES = FileChoice()


def chosen_files(
    release: Release, choice: FileChoice = ALL_FILES, landed: Collection[str] | None = None
) -> list[ChosenFile]:
    """The files to take, in the registry's order; with `landed`, the names of the files that are there, only of these.

    A file whose rows all stand in another (`subset_of`) gives rows where no such other is taken, and else its image lists
    or nothing. The wider one is left out where files that are whole subsets of it hold every subset that is asked for.
    """
    refuse_unknown_choice(release, choice)
    asked = [file for file in release.files if chosen_members(release, file, choice)]
    usable = [file for file in asked if landed is None or file.name in landed]
    taken = {file.name for file in usable if not _is_replaced(file, usable, release, choice)}
    wider = wider_files(release.files)
    chosen = []
    for file in usable:
        if file.name in taken:
            gives_rows = taken.isdisjoint(wider[file.name])
            if gives_rows or any(member.image_lists for member in file.members):
                chosen.append(ChosenFile(file, gives_rows))
    return chosen


def chosen_members(release: Release, file: File, choice: FileChoice = ALL_FILES) -> list[ExpectedMember]:
    """The members of a file that hold rows of the tables and subsets that are asked for."""
    return [
        expected
        for expected in expected_members(release, file)
        if (not choice.tables or expected.member.table in choice.tables)
        and _meets_subsets(member_subsets(release, expected), choice)
    ]


def _meets_subsets(subsets: tuple[str, ...], choice: FileChoice) -> bool:
    return not (choice.subsets and subsets) or any(subset in choice.subsets for subset in subsets)


def member_subsets(release: Release, expected: ExpectedMember) -> tuple[str, ...]:
    """The subsets whose rows a member may hold; none for class lists and the hierarchy."""
    if expected.subset is not None:
        return (expected.subset,)
    return (expected.member.subsets or release.subsets) if expected.member.subset_column else ()


def missing_names(release: Release, choice: FileChoice, landed: Collection[str]) -> list[str]:
    """Names of files that are to be taken and not there; those that nobody is known to have are not missed."""
    return [
        chosen.file.name
        for chosen in chosen_files(release, choice)
        if chosen.file.name not in landed and not chosen.file.optional
    ]


def refuse_unknown_choice(release: Release, choice: FileChoice) -> None:
    """ConfigError where a table or a subset is none of the release's."""
    tables = tuple(dict.fromkeys(member.table for file in release.files for member in file.members))
    for flag, asked, declared in (("tables", choice.tables, tables), ("subset", choice.subsets, release.subsets)):
        if unknown := [name for name in asked if name not in declared]:
            raise ConfigError(
                f"--{flag}: release {release.release} has no {', '.join(unknown)}; it has {', '.join(declared)}"
            )


def _is_replaced(file: File, usable: Sequence[File], release: Release, choice: FileChoice) -> bool:
    """Whether other usable files are whole subsets of the file, and hold all that is asked of it."""
    covered = {
        subset
        for narrower in usable
        if narrower.is_whole_subset and file.name in narrower.subset_of
        for member in expected_members(release, narrower)
        for subset in member_subsets(release, member)
    }
    asked = {
        subset
        for member in expected_members(release, file)
        for subset in member_subsets(release, member)
        if not choice.subsets or subset in choice.subsets
    }
    return bool(asked) and asked <= covered
