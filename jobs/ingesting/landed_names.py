"""Where the files of a release lie in the landing area, and which of them are there."""

from __future__ import annotations

from oilake.conf.registry import Release, landing_path
from oilake.jobs.runtime.filesystem import file_size, join_uri


def landed_uri(release: Release, landing: str, file_name: str) -> str:
    """Where a file of the release lies in the landing area."""
    return join_uri(landing, landing_path(release, file_name))


def landed_names(release: Release, landing: str) -> list[str]:
    """The names of the release's files that are in the landing area."""
    names = [file.name for file in release.files]
    return [name for name in names if file_size(landed_uri(release, landing, name)) is not None]


def has_own_files(release: Release, landing: str) -> bool:
    """Whether a file that this release is the first to publish is in the landing area."""
    own_files = (file for file in release.files if file.release is None)
    return any(file_size(landed_uri(release, landing, file.name)) is not None for file in own_files)
