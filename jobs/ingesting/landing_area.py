"""What lies in the landing area of a release, what is missing there, and what identifies it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from oilake.conf.errors import InputError
from oilake.conf.registry import Expected, File, Release, expected_members
from oilake.conf.settings import Limits, Settings
from oilake.jobs.ingesting.class_files import is_small
from oilake.jobs.runtime.filesystem import Checksums, checksums, join, size
from oilake.jobs.runtime.progress import track
from oilake.jobs.sources import byte_ranges
from oilake.jobs.sources.splits import Split

HASHERS = 2
# Published label files shrink to about a sixth; the guess only evens out the shares.
DEFLATED = 6
CHUNKS_A_READER = 4


@dataclass(frozen=True)
class Landed:
    """One published file in the landing area."""

    file: File
    uri: str
    checksums: Checksums


def missing(release: Release, landing: str) -> list[str]:
    """The names of the release's files that are not in `<landing>/<tag>/`."""
    return [file.name for file in release.files if size(join(landing, release.tag, file.name)) is None]


def land(release: Release, landing: str) -> list[Landed]:
    """The release's files that are there, with their checksums."""
    present = [file for file in release.files if size(join(landing, release.tag, file.name)) is not None]
    uris = [join(landing, release.tag, file.name) for file in present]
    with ThreadPoolExecutor(HASHERS) as pool:
        sums = list(track(pool.map(checksums, uris), len(uris), f"{release.release}: checksums", "files"))
    return [Landed(*one) for one in zip(present, uris, sums, strict=True)]


def wanted(release: Release) -> dict[str, dict[str, Expected]]:
    """What each file of the release must hold, by file and path."""
    return {file.name: {e.path: e for e in expected_members(release, file)} for file in release.files}


def splits(landed: Iterable[Landed], members: Mapping[str, Mapping[str, Expected]], limits: Limits) -> list[Split]:
    """What the tasks read, the largest files first; a large archive is shared by several readers."""
    found: list[Split] = []
    for one in sorted(landed, key=lambda one: -one.checksums.bytes):
        if is_small(members[one.file.name]):
            continue
        readers = limits.readers if one.checksums.bytes > limits.large_bytes else 1
        chunk = _chunk_bytes(one, readers, limits)
        if one.file.kind == "plain":
            found += _ranges(one, readers, chunk)
        else:
            found += [Split(one.file.name, one.uri, "tar.gz", chunk, n, readers) for n in range(readers)]
    return found


def _chunk_bytes(one: Landed, readers: int, limits: Limits) -> int:
    """So many chunks that the readers' shares are even, and none larger than the limit; whole blocks, so that equal members
    of archives that are nearly as large are cut alike."""
    text = one.checksums.bytes * (DEFLATED if one.file.kind == "tar.gz" else 1)
    wanted = min(limits.chunk_bytes, max(limits.block_bytes, text // (readers * CHUNKS_A_READER)))
    return max(1, wanted // limits.block_bytes) * limits.block_bytes


def _ranges(one: Landed, readers: int, chunk: int) -> Iterator[Split]:
    for n, found in enumerate(byte_ranges.plan(one.uri, one.checksums.bytes, readers)):
        yield Split(one.file.name, one.uri, "plain", chunk, n, readers, found.start, found.stop, found.line)


def small_splits(landed: Iterable[Landed], members: Mapping[str, Mapping[str, Expected]]) -> list[Split]:
    """The files that the driver reads itself."""
    return [Split(one.file.name, one.uri, one.file.kind, 0) for one in landed if is_small(members[one.file.name])]


def fingerprint(release: Release, landed: Iterable[Landed], settings: Settings, partial: bool, code: bytes) -> str:
    """SHA-256 over all that decides what the tables will hold: inputs, registry, limits and `code`."""
    digest = hashlib.sha256(repr((release, settings.limits, partial)).encode())
    for one in landed:
        digest.update(f"{one.file.name} {one.checksums.sha256}\n".encode())
    digest.update(code)
    return digest.hexdigest()


def refuse_missing(release: Release, landing: str, names: list[str], partial: bool) -> None:
    """InputError with the list of what is missing, unless a partial release was asked for and something is there."""
    if names and not partial:
        raise InputError(
            f"{join(landing, release.tag)}: release {release.release} lacks {', '.join(names)}; "
            "fetch what is missing, or take what is there with --partial"
        )
    if len(names) == len(release.files):
        raise InputError(
            f"{join(landing, release.tag)}: none of the files of release {release.release} is here; fetch it first"
        )
