"""Files from a local folder, copied with the same care as over a network."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from oilake.jobs.transport.source import AgainError, Answer, RefusedError, Source, Version

READ_BYTES = 1 << 20


def local_source() -> Source:
    """Files whose addresses are local paths."""
    return Source(_head_version, _read_answer)


def _head_version(url: str, known_version: Version | None) -> Version:
    try:
        return _version_of_stat(Path(url).stat())
    except OSError as error:
        raise RefusedError(f"it cannot be read ({error.strerror or error}); check its rights and the disk") from None


@contextmanager
def _read_answer(url: str, start: int, version: Version | None) -> Iterator[Answer]:
    try:
        stream = open(url, "rb")  # noqa: SIM115
    except OSError as error:
        raise RefusedError(f"it cannot be read ({error.strerror or error}); check its rights and the disk") from None
    with stream:
        file_version = _version_of_stat(os.fstat(stream.fileno()))
        begin = stream.seek(start if version == file_version else 0)
        yield Answer(begin, file_version, _file_blocks(stream, file_version))


def _file_blocks(stream: BinaryIO, version: Version) -> Iterator[bytes]:
    try:
        while block := stream.read(READ_BYTES):
            yield block
    except OSError as error:
        raise RefusedError(f"it cannot be read ({error.strerror or error}); check its rights and the disk") from None
    if _version_of_stat(os.fstat(stream.fileno())) != version:
        raise AgainError("the file changed while it was read", restart=True)


def _version_of_stat(stat: os.stat_result) -> Version:
    return Version(stat.st_size, f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"')
