"""The files of a release as one chooses among them: what they give, how large they are, and whether they have landed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from oilake.conf.chosen_files import FileChoice, chosen_files
from oilake.conf.mask_files import every_mask_file
from oilake.conf.registry import File, Release
from oilake.jobs.ingesting.landed_names import landed_uri
from oilake.jobs.runtime.filesystem import file_size

Use = Literal["rows", "lists", "masks", "none"]


@dataclass(frozen=True)
class ListedFile:
    """One file. `use`: whether its rows are taken, only its lists of images, the masks in it, or nothing (they stand in
    another, or are not asked for); `shared_from`: the release that declares it, where it is another; `bytes`: its size,
    where it is known or has landed; `is_exact`: whether that is more than a rounded one."""

    name: str
    tables: tuple[str, ...]
    use: Use
    bytes: int | None
    is_exact: bool
    is_landed: bool
    is_optional: bool
    shared_from: str | None

    def is_lacking(self) -> bool:
        """Whether a fetch of what is asked for would bring it."""
        return self.use in ("rows", "lists") and not self.is_landed

    def size_text(self) -> str:
        """Its size for a person."""
        if self.bytes is None:
            return "unknown"
        return f"{self.bytes:,}" if self.is_exact else f"about {self.bytes:,}"

    def use_text(self) -> str:
        """What is taken from it, for a person."""
        shown = {"rows": ", ".join(self.tables), "lists": "lists of images", "masks": "masks", "none": "not taken"}[
            self.use
        ]
        return shown + (" (may not exist)" if self.is_optional and not self.is_landed else "")


@dataclass(frozen=True)
class Download:
    """What is to be fetched: `bytes` of the files whose size is known, if only roughly, and how many files have none."""

    bytes: int
    unknown_sizes: int

    def as_text(self) -> str:
        """The sum for a person."""
        if not (self.bytes or self.unknown_sizes):
            return "nothing"
        parts = [f"{self.bytes / 1e9:,.2f} GB"] if self.bytes else []
        parts += [f"{self.unknown_sizes} of unknown size"] if self.unknown_sizes else []
        return " and ".join(parts)


def list_files(release: Release, landing: str, choice: FileChoice) -> list[ListedFile]:
    """Every file of the release, in the registry's order."""
    uses: dict[str, Use] = {
        chosen.file.name: "rows" if chosen.gives_rows else "lists" for chosen in chosen_files(release, choice)
    }
    return [_listed_file(release, file, landing, uses.get(file.name, "none")) for file in release.files]


def list_mask_files(release: Release, landing: str, choice: FileChoice) -> list[ListedFile]:
    """The zips of the masks, which `oilake fetch --masks` brings; none where tables are asked for."""
    return [
        _listed_file(release, archive.file, landing, "masks")
        for archive in every_mask_file(release)
        if not choice.tables and (not choice.subsets or archive.subset in choice.subsets)
    ]


def mask_lines(listed: Sequence[ListedFile]) -> list[str]:
    """The zips of the masks for a terminal, a line a folder of them."""
    folders: dict[str, list[ListedFile]] = {}
    for file in listed:
        folders.setdefault(file.name.rpartition("/")[0], []).append(file)
    return [
        f"masks, by `oilake fetch --masks` alone: {folder}/*.zip: {len(files)} files, "
        f"{sum(file.is_landed for file in files)} landed, {_sum_sizes([file.bytes for file in files]).as_text()}"
        for folder, files in folders.items()
    ]


def _listed_file(release: Release, file: File, landing: str, use: Use) -> ListedFile:
    landed_bytes = file_size(landed_uri(release, landing, file.name))
    known_bytes = landed_bytes if landed_bytes is not None else file.size
    return ListedFile(
        name=file.name,
        tables=tuple(dict.fromkeys(member.table for member in file.members)),
        use=use,
        bytes=known_bytes if known_bytes is not None else file.approximate_size,
        is_exact=known_bytes is not None,
        is_landed=landed_bytes is not None,
        is_optional=file.optional,
        shared_from=file.release,
    )


def sum_download(listed: Sequence[ListedFile]) -> Download:
    """What a fetch would bring."""
    return _sum_sizes([file.bytes for file in listed if file.is_lacking()])


def _sum_sizes(sizes: Sequence[int | None]) -> Download:
    return Download(sum(size for size in sizes if size is not None), sizes.count(None))


def file_rows(listed: Sequence[ListedFile]) -> list[dict[str, Any]]:
    """The files as JSON has them."""
    return [asdict(file) for file in listed]


def file_lines(release: Release, listed: Sequence[ListedFile]) -> list[str]:
    """The files as a table for a terminal, and what would be fetched."""
    widths = max(len(file.name) for file in listed) + 2, max(len(file.size_text()) for file in listed) + 2
    lines = [f"{'file':<{widths[0]}}{'bytes':>{widths[1]}}  landed  of  gives"]
    for file in listed:
        landed, owner = "yes" if file.is_landed else "no", file.shared_from or release.release
        lines.append(f"{file.name:<{widths[0]}}{file.size_text():>{widths[1]}}  {landed:<8}{owner:<4}{file.use_text()}")
    return [*lines, f"to download: {sum_download(listed).as_text()}"]
