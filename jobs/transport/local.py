"""Files from a local folder, copied with the same care as over a network."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from oilake.jobs.transport.source import AgainError, Answer, RefusedError, Source, Version

BLOCK = 1 << 20


def source() -> Source:
    """Files whose addresses are local paths."""
    return Source(_head, _read)


def _head(url: str, known: Version | None) -> Version:
    try:
        return _version(Path(url).stat())
    except OSError as error:
        raise RefusedError(f"it cannot be read ({error.strerror or error}); check its rights and the disk") from None


@contextmanager
def _read(url: str, start: int, version: Version | None) -> Iterator[Answer]:
    try:
        stream = open(url, "rb")  # noqa: SIM115
    except OSError as error:
        raise RefusedError(f"it cannot be read ({error.strerror or error}); check its rights and the disk") from None
    with stream:
        found = _version(os.fstat(stream.fileno()))
        begin = stream.seek(start if version == found else 0)
        yield Answer(begin, found, _chunks(stream, found))


def _chunks(stream: BinaryIO, version: Version) -> Iterator[bytes]:
    try:
        while block := stream.read(BLOCK):
            yield block
    except OSError as error:
        raise RefusedError(f"it cannot be read ({error.strerror or error}); check its rights and the disk") from None
    if _version(os.fstat(stream.fileno())) != version:
        raise AgainError("the file changed while it was read", restart=True)


def _version(stat: os.stat_result) -> Version:
    return Version(stat.st_size, f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"')
