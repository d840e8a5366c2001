"""What a release says of the zips of its masks: checked, and shared by reference like other files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from oilake.conf.errors import ConfigError
from oilake.conf.file_checks import PATH_PART, check_digits
from oilake.conf.shared_files import FileReference, find_owner
from oilake.conf.showing import brief_value

if TYPE_CHECKING:
    from oilake.conf.registry import DeclaredRelease, MaskArchives

DIGIT = "{digit}"
HEX = "0123456789abcdef"


def entry_items(document: Mapping[str, Any], path: str) -> list[Any]:
    """What stands under `mask_archives`; ConfigError where that is no list."""
    items = document.get("mask_archives", [])
    if not isinstance(items, list):
        raise ConfigError(f"{path}: mask_archives must be a list, not {brief_value(items)}")
    return items


def check_archives(declared: DeclaredRelease) -> None:
    """ConfigError where a path would lead elsewhere or twice to one place, or what was stated has nobody who stated it."""
    for n, entry in enumerate(declared.mask_entries):
        if not isinstance(entry, FileReference):
            _check_entry(declared, entry, f"{declared.path}: mask_archives[{n}]")


def _check_entry(declared: DeclaredRelease, archives: MaskArchives, where: str) -> None:
    if archives.subset not in declared.release.subsets:
        raise ConfigError(
            f"{where}.subset must be one of {', '.join(declared.release.subsets)}, not {brief_value(archives.subset)}"
        )
    parts = archives.name.replace(DIGIT, HEX[0]).split("/")
    if len(parts) < 2 or not all(PATH_PART.fullmatch(part) for part in parts):
        raise ConfigError(f"{where}.name must be a published path, not {brief_value(archives.name)}")
    for key, text in (("name", archives.name), ("url", archives.url)):
        if DIGIT not in text:
            raise ConfigError(f"{where}.{key}: {text!r} names one zip alone; put {DIGIT} where the hex digit stands")
    if unknown := [digit for digit in archives.stated if digit not in HEX or len(digit) != 1]:
        raise ConfigError(
            f"{where}.stated: {unknown[0]!r} is no hex digit; name the zips by 0 to 9 and a to f, in quotes"
        )
    if bool(archives.stated) != (archives.stated_by is not None and bool(archives.source)):
        raise ConfigError(f"{where}: stated, stated_by and source go together; give all of them or none")
    for digit, stated in archives.stated.items():
        if stated.size < 0:
            raise ConfigError(f"{where}.stated.{digit}.size must be 0 or more bytes, not {stated.size:,}")
        check_digits({"md5": stated.md5}, f"{where}.stated.{digit}")


def resolve_archives(declared: DeclaredRelease, releases: Mapping[str, DeclaredRelease]) -> tuple[MaskArchives, ...]:
    """The zips of the release with those that it refers to; ConfigError names the key of what cannot be found."""
    resolved: list[MaskArchives] = []
    for n, entry in enumerate(declared.mask_entries):
        where = f"{declared.path}: mask_archives[{n}]"
        archives = _shared_archives(entry, declared, releases, where) if isinstance(entry, FileReference) else entry
        if any(archives.subset == other.subset for other in resolved):
            raise ConfigError(f"{where}: the zips of {archives.subset} are named twice; leave one of them out")
        resolved.append(archives)
    return tuple(resolved)


def _shared_archives(
    reference: FileReference, declared: DeclaredRelease, releases: Mapping[str, DeclaredRelease], where: str
) -> MaskArchives:
    owner = find_owner(reference, declared, releases, where)
    for archives in owner.mask_archives:
        if archives.name == reference.name and archives.subset in declared.release.subsets:
            return replace(archives, release=owner.release)
    raise ConfigError(
        f"{where}.name: {owner.release} declares no zips {reference.name!r} of a subset that "
        f"{declared.release.release} has; refer to the release that does"
    )
