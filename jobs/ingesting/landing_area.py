"""What lies in the landing area of a release, what is missing there, and what identifies it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from oilake.conf.chosen_files import ALL_FILES, ChosenFile, FileChoice, chosen_members
from oilake.conf.errors import InputError
from oilake.conf.registry import ExpectedMember, File, Release
from oilake.conf.settings import Limits
from oilake.conf.stated_bytes import Difference, find_differences, refusal_text, warning_text
from oilake.jobs.ingesting.checksum_memory import landed_checksums
from oilake.jobs.ingesting.class_files import is_small
from oilake.jobs.ingesting.landed_names import landed_uri
from oilake.jobs.runtime.filesystem import Checksums, join_uri
from oilake.jobs.runtime.progress import log_line, track_progress
from oilake.jobs.sources import byte_ranges
from oilake.jobs.sources.record_formats import record_format
from oilake.jobs.sources.splits import Split

HASHERS = 2
# Published label files shrink to about a sixth; the guess only evens out the shares.
DEFLATE_FACTOR = 6
CHUNKS_A_READER = 4
NAMES_SHOWN = 6


@dataclass(frozen=True)
class LandedFile:
    """One published file in the landing area. `gives_rows`: its rows go to tables; else it only lists images."""

    file: File
    uri: str
    checksums: Checksums
    gives_rows: bool = True

    def differences(self) -> list[Difference]:
        """What was stated of the file and its bytes are not."""
        sums = self.checksums
        return find_differences(self.file, {"size": sums.bytes, "md5": sums.md5, "sha256": sums.sha256})


def hash_landed(release: Release, landing: str, present: Sequence[ChosenFile]) -> list[LandedFile]:
    """The files, all of which are there, with their checksums."""
    uris = [landed_uri(release, landing, chosen.file.name) for chosen in present]
    with ThreadPoolExecutor(HASHERS) as pool:
        sums = list(
            track_progress(pool.map(landed_checksums, uris), len(uris), f"{release.release}: checksums", "files")
        )
    return [
        LandedFile(chosen.file, uri, checksums, chosen.gives_rows)
        for chosen, uri, checksums in zip(present, uris, sums, strict=True)
    ]


def refuse_changed(landed: Iterable[LandedFile], accept: bool) -> None:
    """InputError where bytes are not the published ones, unless they are to be taken all the same, which is told."""
    refused = []
    for landed_file in landed:
        differences = landed_file.differences()
        sentence = None if accept else refusal_text(differences)
        if sentence:
            refused.append(f"{landed_file.uri}: {sentence}")
        elif differences:
            log_line(f"{landed_file.file.name}: {warning_text(differences)}")
    if refused:
        raise InputError("; ".join(refused))


def members_by_file(release: Release, choice: FileChoice = ALL_FILES) -> dict[str, dict[str, ExpectedMember]]:
    """What is taken of each file of the release, by file and path."""
    return {file.name: {e.path: e for e in chosen_members(release, file, choice)} for file in release.files}


def plan_splits(
    landed: Iterable[LandedFile], members: Mapping[str, Mapping[str, ExpectedMember]], limits: Limits
) -> list[Split]:
    """What the tasks read, the largest files first; a large archive is shared by several readers."""
    planned: list[Split] = []
    for landed_file in sorted(landed, key=lambda landed_file: -landed_file.checksums.bytes):
        if is_small(members[landed_file.file.name]):
            continue
        readers = limits.readers if landed_file.checksums.bytes > limits.large_bytes else 1
        chunk = _chunk_bytes(landed_file, readers, limits)
        if landed_file.file.kind == "plain":
            formats = {record_format(e.member.format) for e in members[landed_file.file.name].values()}
            planned += _range_splits(landed_file, readers, chunk, any(each.has_quotes for each in formats))
        else:
            planned += [
                Split(landed_file.file.name, landed_file.uri, "tar.gz", chunk, n, readers) for n in range(readers)
            ]
    return planned


def _chunk_bytes(landed_file: LandedFile, readers: int, limits: Limits) -> int:
    """So many chunks that the readers' shares are even, and none larger than the limit; whole blocks, so that equal members
    of archives that are nearly as large are cut alike."""
    text = landed_file.checksums.bytes * (DEFLATE_FACTOR if landed_file.file.kind == "tar.gz" else 1)
    target_bytes = min(limits.chunk_bytes, max(limits.block_bytes, text // (readers * CHUNKS_A_READER)))
    return max(1, target_bytes // limits.block_bytes) * limits.block_bytes


def _range_splits(landed_file: LandedFile, readers: int, chunk: int, has_quotes: bool) -> Iterator[Split]:
    ranges = byte_ranges.plan_ranges(landed_file.uri, landed_file.checksums.bytes, readers, has_quotes)
    for n, byte_range in enumerate(ranges):
        yield Split(
            landed_file.file.name,
            landed_file.uri,
            "plain",
            chunk,
            n,
            readers,
            byte_range.start,
            byte_range.stop,
            byte_range.line,
        )


def small_splits(landed: Iterable[LandedFile], members: Mapping[str, Mapping[str, ExpectedMember]]) -> list[Split]:
    """The files that the driver reads itself."""
    return [
        Split(landed_file.file.name, landed_file.uri, landed_file.file.kind, 0)
        for landed_file in landed
        if is_small(members[landed_file.file.name])
    ]


def release_folder(release: Release, landing: str) -> str:
    """Where the files of a release lie: the folder of its tag, or the landing area where each lies by its published path."""
    has_folder = any("/" not in file.name for file in release.files)
    return join_uri(landing, release.tag) if has_folder else landing


def refuse_missing(release: Release, landing: str, names: Sequence[str], partial: bool) -> None:
    """InputError with the list of what is missing, unless a partial release was asked for."""
    if names and not partial:
        more = len(names) - NAMES_SHOWN
        rest = f" and {more} more, which `oilake releases {release.release}` lists" if more > 0 else ""
        is_absent = "://" not in landing and not Path(landing).is_dir()
        raise InputError(
            f"{release_folder(release, landing)}: release {release.release} lacks {', '.join(names[:NAMES_SHOWN])}{rest}; "
            "fetch what is missing, or take what is there with --partial"
            + (f"; there is no folder {landing}" if is_absent else "")
        )


def refuse_empty(release: Release, landing: str, present: Sequence[ChosenFile]) -> None:
    """InputError where there is nothing to take."""
    if not present:
        raise InputError(
            f"{release_folder(release, landing)}: none of the files of release {release.release} is here; fetch it first"
        )
