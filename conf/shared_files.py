"""Files that several releases publish: declared by one of them, referred to by the others, one file in the landing area."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from oilake.conf.errors import ConfigError

if TYPE_CHECKING:
    from oilake.conf.registry import DeclaredRelease, File, Member, Release


@dataclass(frozen=True)
class FileReference:
    """A file as another release declares it; `subset_of`: what holds its rows among the files of the one that refers."""

    release: str
    name: str
    subset_of: tuple[str, ...] | None = None


def with_defaults(document: Any) -> Any:
    """Complete what a release's YAML may shorten: one list of box sources for all subsets, and a plain file's pattern."""
    if not isinstance(document, dict):
        return document
    subsets, box_sources, items = (document.get(key) for key in ("subsets", "box_sources", "files"))
    completed = dict(document)
    if isinstance(box_sources, list) and isinstance(subsets, list):
        completed["box_sources"] = {str(subset): box_sources for subset in subsets}
    if isinstance(items, list):
        completed["files"] = [_with_pattern(item) for item in items]
    return completed


def _with_pattern(item: Any) -> Any:
    members = item.get("members") if isinstance(item, dict) and item.get("kind") == "plain" else None
    if not (isinstance(members, list) and len(members) == 1 and isinstance(members[0], dict)):
        return item
    return {**item, "members": [{"pattern": item.get("name"), **members[0]}]}


def resolve_references(declared: DeclaredRelease, releases: Mapping[str, DeclaredRelease]) -> Release:
    """The release with the files that it refers to; ConfigError names the file and the key of what cannot be found.

    A shared file keeps the columns under which it was declared: they stand as `<release>.<table>` among the columns.
    """
    release = declared.release
    files, columns = [], dict(release.columns)
    for n, entry in enumerate(declared.entries):
        where = f"{declared.path}: files[{n}]"
        if isinstance(entry, FileReference):
            owner = find_owner(entry, declared, releases, where)
            files.append(_shared_file(entry, owner, release, where))
            columns |= {
                f"{owner.release}.{table}": columns_of_table for table, columns_of_table in owner.columns.items()
            }
        else:
            files.append(entry)
    _refuse_lost_supersets(files, declared.path)
    used = {member.columns for file in files for member in file.members} | set(release.columns)
    return replace(release, files=tuple(files), columns={name: columns[name] for name in columns if name in used})


def find_owner(
    reference: FileReference, declared: DeclaredRelease, releases: Mapping[str, DeclaredRelease], where: str
) -> Release:
    """The release that declares what another refers to; ConfigError where no YAML file tells of it."""
    if reference.release not in releases:
        raise ConfigError(
            f"{where}.release: no YAML file beside this one tells of {reference.release!r}; put it there, or declare "
            "the file here, with its url, kind and members"
        )
    if reference.release == declared.release.release:
        raise ConfigError(f"{where}.release: a release cannot refer to itself; declare the file here")
    return releases[reference.release].release


def _shared_file(reference: FileReference, owner: Release, release: Release, where: str) -> File:
    file = next((file for file in owner.files if file.name == reference.name), None)
    if file is None:
        raise ConfigError(
            f"{where}.name: {owner.release} declares no file {reference.name!r}; refer to the release that does"
        )
    if "/" not in file.name:
        raise ConfigError(
            f"{where}.name: {file.name!r} lies in the folder of {owner.release} alone; to share it, declare it there by its "
            "published path"
        )
    members = tuple(_shared_member(member, owner, release, where) for member in file.members)
    subset_of = file.subset_of if reference.subset_of is None else reference.subset_of
    return replace(file, members=members, subset_of=subset_of, release=owner.release)


def _shared_member(member: Member, owner: Release, release: Release, where: str) -> Member:
    for subset in member.subsets or ():
        if subset not in release.subsets:
            raise ConfigError(
                f"{where}.name: holds rows of {subset}, which {release.release} lacks; add it to its subsets, or leave the "
                "file out"
            )
    return replace(member, columns=f"{owner.release}.{member.columns}") if member.columns else member


def wider_files(files: Sequence[File]) -> dict[str, set[str]]:
    """The names of all files that hold every row of a file, by its name: those that it names, those that they name, …"""
    wider = {file.name: set(file.subset_of) for file in files}
    for _ in files:
        for names in wider.values():
            names.update(*(wider.get(name, set()) for name in tuple(names)))
    return wider


def _refuse_lost_supersets(files: Sequence[File], path: str) -> None:
    """ConfigError where rows could be taken from no file: `subset_of` names none that is here, or leads back to itself."""
    names, wider = {file.name for file in files}, wider_files(files)
    for n, file in enumerate(files):
        if lost := [name for name in file.subset_of if name not in names]:
            raise ConfigError(
                f"{path}: files[{n}].subset_of: {lost[0]!r} is no file of this release; name one that is, or leave it out"
            )
        if file.name in wider[file.name]:
            raise ConfigError(
                f"{path}: files[{n}].subset_of: {file.name!r} would be a subset of itself; leave one of these out"
            )
