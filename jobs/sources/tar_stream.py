"""Members of a tar.gz, streamed: nothing is unpacked to disk, and only the names the registry asks for count."""

from __future__ import annotations

import io
import zlib
from collections.abc import Collection, Iterator
from typing import Any, cast

from isal import igzip, isal_zlib

from oilake.conf.errors import InputError
from oilake.jobs.sources.csv_records import ReadBytes
from oilake.jobs.sources.tar_headers import TarEntry, read_entries

BUFFER = 1 << 20
INFLATE_ERROR = cast("type[Exception]", isal_zlib.IsalError)
DAMAGED = (EOFError, zlib.error, INFLATE_ERROR, igzip.BadGzipFile)


def stream_members(stream: Any, name: str, wanted: Collection[str]) -> Iterator[tuple[str, ReadBytes]]:
    """(path, how to read it) of each wanted member of the archive behind `stream`, in the archive's order.

    A member must be read before the next one is asked for. The archive is read to its very end, so its checksum is
    verified. InputError names the archive when it is truncated, damaged or no archive, or holds a member twice.
    """
    read_paths: set[str] = set()
    with AsInputError(name):
        unpacked = igzip.IGzipFile(fileobj=_ForwardStream(stream, name))
        for entry in read_entries(unpacked, name):
            path = entry.name.removeprefix("./")
            if path not in wanted:
                continue
            if path in read_paths or not entry.is_file:
                raise InputError(f"{name}: {path} stands twice or is no regular file; fetch the archive again")
            read_paths.add(path)
            yield path, member_reader(unpacked, entry, name)
        while unpacked.read(BUFFER):
            pass


def member_reader(file: Any, entry: TarEntry, name: str) -> ReadBytes:
    """How to read the member at which `file` stands; InputError names the archive and the member where it is damaged."""
    left = entry.size

    def read(size: int) -> bytes:
        nonlocal left
        with AsInputError(f"{name}: {entry.name}"):
            asked = min(size, left)
            data: bytes = file.read(asked)
            left -= len(data)
            if len(data) < asked:
                raise EOFError
            return data

    return read


class _ForwardStream(io.RawIOBase):
    """A stream that says it can seek: the gzip file above it then skips forwards, which it does by reading."""

    def __init__(self, stream: Any, name: str) -> None:
        super().__init__()
        self._stream, self._name = stream, name

    def readinto(self, buffer: Any) -> int:
        try:
            count: int = self._stream.readinto(buffer)
        except OSError as error:
            raise InputError(
                f"{self._name}: cannot be read ({error}); mend the landing area or fetch it again"
            ) from None
        return count

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


class AsInputError:
    """Turns what the libraries raise on damaged bytes, and on a disk that fails, into one sentence."""

    def __init__(self, where: str) -> None:
        self.where = where

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, DAMAGED):
            raise InputError(f"{self.where}: {_damage_cause(error)}; fetch the archive again") from None
        if isinstance(error, OSError):
            reason = error.strerror or error
            raise InputError(f"{self.where}: cannot be read ({reason}); check its rights and the disk") from None


def _damage_cause(error: BaseException) -> str:
    text = str(error).lower()
    if "not a gzip" in text or "magic" in text:
        return "this is no gzip file (perhaps an error page saved under its name)"
    if isinstance(error, EOFError) or "unexpected end" in text or "end-of-stream" in text:
        return "the archive is truncated"
    if "crc" in text or "checksum" in text:
        return "the archive is damaged (its checksum is wrong)"
    if "empty" in text:
        return "the file is empty"
    return f"the archive is damaged ({error})"
