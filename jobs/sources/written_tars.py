"""Tar archives that are the same bytes for the same members: without times, owners and rights of their own."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def open_packed_tar(place: Path) -> Iterator[tarfile.TarFile]:
    """A new tar.gz file to write members into; OSError where it cannot be written."""
    with (
        place.open("wb") as stream,
        gzip.GzipFile("", "wb", fileobj=stream, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        yield archive


def add_stream(archive: tarfile.TarFile, name: str, stream: BinaryIO) -> None:
    """Adds what stands in `stream` before its place as a member, in bounded memory."""
    info = tarfile.TarInfo(name)
    info.size = stream.tell()
    stream.seek(0)
    archive.addfile(info, stream)


def add_bytes(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    """Adds a member."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    archive.addfile(info, io.BytesIO(data))


def open_tar(place: Path) -> tarfile.TarFile:
    """A new tar file to write members into, to be closed; OSError where it cannot be written."""
    return tarfile.open(place, mode="w")
