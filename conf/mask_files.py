"""The zips of masks as files of a release: which zip holds the masks of an image, and what was stated of each."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from oilake.conf.errors import ConfigError
from oilake.conf.mask_archives import DIGIT, HEX
from oilake.conf.registry import File, KnownChecksum, MaskArchives, Release


@dataclass(frozen=True)
class MaskFile:
    """One zip: it holds the masks of the images of `subset` whose IDs begin with the hex digit `digit`."""

    subset: str
    digit: str
    file: File


def mask_files(release: Release, subsets: Collection[str] = ()) -> list[MaskFile]:
    """The zips of a release's masks, of some subsets or (none named) of all, in the registry's order.

    ConfigError where the release has no zips of masks, or none of a subset that is named.
    """
    declared = [archives.subset for archives in release.mask_archives]
    if not declared:
        raise ConfigError(f"release {release.release} has no masks; V5 and later have")
    if unknown := [subset for subset in subsets if subset not in declared]:
        raise ConfigError(f"--subset: release {release.release} has no masks of {', '.join(unknown)}; it has masks of "
                          f"{', '.join(declared)}")  # fmt: skip
    return [
        MaskFile(archives.subset, digit, _archive_file(archives, digit))
        for archives in release.mask_archives
        if not subsets or archives.subset in subsets
        for digit in HEX
    ]


def every_mask_file(release: Release) -> list[MaskFile]:
    """The zips of a release's masks; none of one that has no masks."""
    return mask_files(release) if release.mask_archives else []


def _archive_file(archives: MaskArchives, digit: str) -> File:
    """The zip as any other file that is fetched: it holds no member of a table."""
    stated = archives.stated.get(digit)
    checksum = (
        KnownChecksum(archives.stated_by, archives.source, md5=stated.md5) if stated and archives.stated_by else None
    )
    return File(
        name=archives.name.replace(DIGIT, digit),
        url=archives.url.replace(DIGIT, digit),
        kind="plain",
        members=(),
        size=stated.size if stated else None,
        size_stated_by=archives.stated_by if stated else None,
        checksums=(checksum,) if checksum else (),
        release=archives.release,
    )
