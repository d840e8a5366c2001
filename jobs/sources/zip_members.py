"""Members of a zip, read where they lie: in the order of the file, each whole and by its CRC, none larger than allowed."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from zipfile import BadZipFile, ZipFile, ZipInfo

from oilake.jobs.runtime.error_text import error_line
from oilake.jobs.runtime.filesystem import open_file

READ_AHEAD = 4 << 20
DAMAGE = (BadZipFile, zlib.error, EOFError, struct.error, ValueError, NotImplementedError, RuntimeError, OverflowError)


class DamagedZipError(Exception):
    """A zip whose directory cannot be read."""


class DamagedMemberError(Exception):
    """A member that cannot be had whole; `reason`: `crc_mismatch`, `damaged_member` or `too_large`."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


@contextmanager
def open_zip(uri: str) -> Iterator[ZipFile]:
    """The zip at a path or URI, of which only the ranges that are asked for are read; DamagedZipError, InputError."""
    with open_file(uri) as stream, io.BufferedReader(stream, READ_AHEAD) as buffered:
        try:
            archive = ZipFile(buffered)
        except DAMAGE as error:
            raise DamagedZipError(f"its directory cannot be read ({error_line(error)})") from None
        with archive:
            yield archive


def file_members(archive: ZipFile) -> list[ZipInfo]:
    """The members that are files, in the order in which they lie in the zip."""
    return sorted((info for info in archive.infolist() if not info.is_dir()), key=lambda info: info.header_offset)


def read_member(archive: ZipFile, info: ZipInfo, max_bytes: int) -> bytes:
    """The bytes of a member; DamagedMemberError where its CRC is another, it cannot be read, or it is too large."""
    if info.file_size > max_bytes:
        raise DamagedMemberError("too_large", f"it has {info.file_size:,} bytes, and {max_bytes:,} are allowed")
    try:
        with archive.open(info) as stream:
            data = stream.read(info.file_size + 1)  # never unfolds more than that; its end is where the CRC is compared
    except DAMAGE as error:
        reason = "crc_mismatch" if str(error).startswith("Bad CRC-32") else "damaged_member"
        raise DamagedMemberError(reason, f"it cannot be read from its zip ({error_line(error)})") from None
    if len(data) != info.file_size:
        raise DamagedMemberError("damaged_member", f"{len(data):,} bytes are there of {info.file_size:,}")
    return data
