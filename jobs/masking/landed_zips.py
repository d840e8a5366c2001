"""The zips of a release's masks in the landing area, and how their members are divided among tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from oilake.conf.errors import InputError
from oilake.conf.mask_files import MaskFile, mask_files
from oilake.conf.registry import Release
from oilake.conf.settings import Settings
from oilake.jobs.masking.mask_kernel import MaskSplit
from oilake.jobs.runtime.filesystem import FileState, file_state, join_uri

PART_BYTES = 64 << 20
SHARES_A_CORE = 4


@dataclass(frozen=True)
class LandedZip:
    """One zip of masks that the release has; `state`: None where it has not landed."""

    subset: str
    digit: str
    name: str
    uri: str
    state: FileState | None

    def splits(self) -> list[MaskSplit]:
        """The shares in which its members are read: contiguous, and of about PART_BYTES."""
        if self.state is None:
            return [MaskSplit(self.subset, self.digit, self.name, None)]
        parts = 1 + self.state.bytes // PART_BYTES
        return [MaskSplit(self.subset, self.digit, self.name, self.uri, part, parts) for part in range(parts)]


def find_zips(settings: Settings, release: Release, subsets: Sequence[str] = ()) -> dict[str, list[LandedZip]]:
    """All zips of the subsets, by subset; where none is named, of those of which one has landed. InputError: none has."""
    zips: dict[str, list[LandedZip]] = {}
    for mask_file in mask_files(release, subsets):
        zips.setdefault(mask_file.subset, []).append(_landed_zip(settings, mask_file))
    landed = {subset: of_subset for subset, of_subset in zips.items() if any(each.state for each in of_subset)}
    absent = [subset for subset in subsets if subset not in landed]
    if absent or not landed:
        of = f" of {', '.join(absent)}" if absent else ""
        raise InputError(
            f"{settings.landing}: none of the zips of {release.release}'s masks{of} is here; bring them with `oilake fetch "
            f"--release {release.release} --masks`"
        )
    return landed


def find_zip(settings: Settings, release: Release, subset: str, digit: str) -> LandedZip:
    """The zip of a subset with the masks of the images whose IDs begin with a hex digit, landed or not; ConfigError where
    the release has no masks of the subset."""
    return next(_landed_zip(settings, file) for file in mask_files(release, [subset]) if file.digit == digit)


def _landed_zip(settings: Settings, mask_file: MaskFile) -> LandedZip:
    name = mask_file.file.name
    uri = join_uri(settings.storage_uri(settings.landing), name)
    return LandedZip(mask_file.subset, mask_file.digit, name, uri, file_state(uri))


def share_splits(zips: Sequence[LandedZip], cores: int) -> list[list[MaskSplit]]:
    """The splits of the zips, dealt to as many tasks as keep the cores busy: small zips share a task."""
    splits = [split for zip_file in zips for split in zip_file.splits()]
    total = sum(zip_file.state.bytes for zip_file in zips if zip_file.state)
    tasks = min(len(splits), max(SHARES_A_CORE * cores, total // PART_BYTES))
    return [splits[number::tasks] for number in range(tasks)]
