"""Members of a tar or tar.gz of many small files: listed without keeping them, read by place or in one pass."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from isal import igzip

from oilake.conf.errors import InputError
from oilake.jobs.sources.csv_records import ReadBytes
from oilake.jobs.sources.tar_headers import TarEntry, read_entries
from oilake.jobs.sources.tar_stream import BUFFER, AsInputError, member_reader

GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class TarMember:
    """One member: its name without a leading ./, its bytes, and where they begin; `start` counts members in a tar.gz."""

    name: str
    size: int
    is_file: bool
    start: int


def is_compressed(path: str) -> bool:
    """Whether the archive is a gzip file; InputError where it cannot be opened."""
    with _open_archive(path) as file:
        return bool(file.read(2) == GZIP)


def list_members(path: str) -> Iterator[TarMember]:
    """Every member but folders, in the archive's order; InputError names an archive that is damaged or cut."""
    is_gzip = is_compressed(path)
    for n, entry, _ in _walk_members(path, is_gzip):
        if not entry.is_folder:
            yield TarMember(entry.name.removeprefix("./"), entry.size, entry.is_file, n if is_gzip else entry.start)


def read_bodies(path: str, starts: Collection[int]) -> Iterator[tuple[int, ReadBytes]]:
    """(start, how to read it) of the given members of a tar.gz, in order; each must be read before the next is asked for."""
    for n, entry, unpacked in _walk_members(path, True):
        if n in starts:
            yield n, member_reader(unpacked, entry, path)


def _walk_members(path: str, is_gzip: bool) -> Iterator[tuple[int, TarEntry, Any]]:
    """(number, member, the tar that stands at its first byte)."""
    with _open_archive(path) as file, AsInputError(path):
        unpacked: Any = igzip.IGzipFile(fileobj=file) if is_gzip else file
        for n, entry in enumerate(read_entries(unpacked, path)):
            yield n, entry, unpacked
        while is_gzip and unpacked.read(BUFFER):
            pass


@contextmanager
def _open_archive(path: str) -> Iterator[Any]:
    try:
        file = open(path, "rb")  # noqa: SIM115
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check its rights and the disk") from None
    with file:
        yield file
