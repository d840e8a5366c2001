"""What a file's declaration must hold to be read as it is meant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from oilake.conf.errors import ConfigError
from oilake.conf.showing import brief_value

if TYPE_CHECKING:
    from oilake.conf.registry import File, Member, Release

PATH_PART = re.compile(r"[\w-][\w.-]*")
HEX_DIGITS = {"md5": 32, "sha256": 64}


def check_member(release: Release, member: Member, where: str) -> None:
    """ConfigError where a key stands at a format that has no use for it, or lacks at one that needs it."""
    if member.format == "classes" and member.list is None:
        raise ConfigError(f"{where}.list is missing; say which list of classes this is")
    if member.list is not None and member.format not in ("classes", "descriptions"):
        raise ConfigError(f"{where}.list is given for the formats 'classes' and 'descriptions' and no others")
    if bool(member.image_lists) != (member.format == "image_list"):
        raise ConfigError(f"{where}.image_lists is given for the format 'image_list' and no other")
    if member.header is not None and member.format not in ("csv", "descriptions"):
        raise ConfigError(f"{where}.header is given for the formats 'csv' and 'descriptions' and no others")
    columns = release.columns.get(member.columns or "", {})
    ours = {*columns.values()}
    if member.format == "json_lines" and len(ours) < len(columns):
        raise ConfigError(f"{where}.columns: a file of JSON Lines has one key a column; leave the other spellings out")
    if member.subset_column and "subset" not in ours:
        raise ConfigError(f"{where}.subset_column: columns.{member.columns} maps no column to subset; leave it out")
    if member.subset_column and "{subset}" in member.pattern:
        raise ConfigError(f"{where}.subset_column: the pattern names the subset already; leave one of them out")
    if unknown := [name for name in member.null_values if name not in ours]:
        raise ConfigError(f"{where}.null_values: {unknown[0]!r} is no column of columns.{member.columns}")


def check_claims(file: File, where: str) -> None:
    """ConfigError where the name leads elsewhere, or what is known of the bytes cannot be compared."""
    if not all(PATH_PART.fullmatch(part) for part in file.name.split("/")):
        raise ConfigError(
            f"{where}.name must be a plain file name or a published path of such, not {brief_value(file.name)}"
        )
    for key, size in (("size", file.size), ("approximate_size", file.approximate_size)):
        if size is not None and size < 0:
            raise ConfigError(f"{where}.{key} must be 0 or more bytes, not {size:,}")
    if (file.size is None) != (file.size_stated_by is None):
        raise ConfigError(f"{where}.size and size_stated_by go together; give both or none")
    if file.size is not None and file.approximate_size is not None:
        raise ConfigError(f"{where}.approximate_size: the size is known; leave it out")
    if file.is_whole_subset and not file.subset_of:
        raise ConfigError(f"{where}.is_whole_subset: subset_of names no file; name the one that holds these rows")
    for n, checksum in enumerate(file.checksums):
        check_digits({"md5": checksum.md5, "sha256": checksum.sha256}, f"{where}.checksums[{n}]")


def check_digits(digests: dict[str, str | None], where: str) -> None:
    """ConfigError where there is not one digest, or it is not written as the registry writes them."""
    stated = {name: digest for name, digest in digests.items() if digest is not None}
    if len(stated) != 1:
        raise ConfigError(f"{where} must have one of md5 and sha256; write one entry for each")
    ((name, digest),) = stated.items()
    if not re.fullmatch(rf"[0-9a-f]{{{HEX_DIGITS[name]}}}", digest):
        raise ConfigError(
            f"{where}.{name} must be {HEX_DIGITS[name]} lower-case hex digits, in quotes, not {brief_value(digest)}"
        )


def refuse_repeated_paths(releases: Iterable[Release]) -> None:
    """ConfigError where a release has a file twice, or two declare what lies at one path of the landing area."""
    owners: dict[str, str] = {}
    for release in releases:
        names: set[str] = set()
        for file in release.files:
            if file.name in names:
                raise ConfigError(f"release {release.release}: the file {file.name} stands there twice; remove one")
            names.add(file.name)
            owner = owners.setdefault(file.name, file.release or release.release) if "/" in file.name else None
            if owner not in (None, file.release or release.release):
                raise ConfigError(
                    f"release {release.release}: the file {file.name} is declared in {owner} too; refer to it by "
                    f"`release: {owner}` and its name"
                )
