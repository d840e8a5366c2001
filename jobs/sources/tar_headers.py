"""The headers of a tar archive, one after the other and in bounded memory; what no publisher writes is refused.

Python's tarfile reads a header of any size whole, follows a chain of them by recursion and takes a size below zero.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from oilake.conf.errors import InputError

BLOCK = 512
LARGEST_HEADER = 1 << 20
LONGEST_CHAIN = 8
LARGEST_ARCHIVE = 1 << 60

FILES, FOLDER, SPARSE = (b"0", b"\0", b"7"), b"5", b"S"
WITHOUT_DATA = (b"1", b"2", b"3", b"4", b"5", b"6")
PAX, SHARED, LONG_NAME, LONG_LINK = (b"x", b"X"), b"g", b"L", b"K"
EXTENDED = (*PAX, SHARED, LONG_NAME, LONG_LINK)


class TarEntry(NamedTuple):
    """One member: its name, the flag of its type, and its `size` bytes, which begin at the byte `start` of the tar."""

    name: str
    kind: bytes
    size: int
    start: int

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return self.kind in FILES

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.kind == FOLDER


def read_entries(file: Any, where: str) -> Iterator[TarEntry]:
    """Every member of the tar in `file`, which stands at its beginning and must not be moved backwards meanwhile.

    Where an entry is given, `file` stands at its first byte. EOFError when the tar is cut, also when its end is missing;
    InputError, starting with `where`, when it is damaged, or holds a header over a mebibyte, a long chain of headers or a
    sparse file.
    """
    shared: dict[str, str] = {}
    at = 0
    while (entry := _next_entry(file, at, shared, where)) is not None:
        yield entry
        at = entry.start + _padded_size(0 if entry.kind in WITHOUT_DATA else entry.size)
        file.seek(at)


def _next_entry(file: Any, at: int, shared: dict[str, str], where: str) -> TarEntry | None:
    """The member whose headers begin at the byte `at`; None at the end. `shared` holds what global headers said."""
    own: dict[str, str] = {}
    for _ in range(LONGEST_CHAIN):
        block = file.read(BLOCK)
        if not block and at == 0:
            raise InputError(f"{where}: the file is empty; fetch it again")
        if len(block) < BLOCK:
            raise EOFError
        if not any(block):
            return None
        header = _parse_header(block, at, where)
        if header.kind not in EXTENDED:
            return _with_extensions(header, shared | own, where)
        if header.size > LARGEST_HEADER:
            raise _refused_error(
                where, f"the header of a member has {header.size:,} bytes, more than 1 MiB", header.name
            )
        data: bytes = file.read(_padded_size(header.size))[: header.size]
        if len(data) < header.size:
            raise EOFError
        if header.kind == LONG_NAME:
            own["path"] = _decode_text(data)
        elif header.kind != LONG_LINK:
            (shared if header.kind == SHARED else own).update(_pax_records(data, header.name, where))
        at = header.start + _padded_size(header.size)
    raise _refused_error(where, f"more than {LONGEST_CHAIN - 1} headers in a row stand before a member", header.name)


def _parse_header(block: bytes, at: int, where: str) -> TarEntry:
    """The member that one block describes by itself; `at`: its place."""
    name, kind, size = _decode_text(block[:100]), block[156:157], _parse_number(block[124:136])
    if not _is_header(block):
        raise _refused_error(where, f"the archive is damaged: no header of a member stands at its byte {at:,}")
    if size is None or not 0 <= size <= LARGEST_ARCHIVE - at:
        raise _refused_error(where, "the size of a member is no number of bytes", name)
    if block[257:263] == b"ustar\0" and block[345] and kind not in EXTENDED:
        name = f"{_decode_text(block[345:500])}/{name}"
    return TarEntry(name, kind, size, at + BLOCK)


def _is_header(block: bytes) -> bool:
    """Whether the checksum fits; some programs summed signed bytes."""
    checksum, summed = _parse_number(block[148:156]), block[:148] + b" " * 8 + block[156:]
    return checksum == sum(summed) or checksum == sum(byte - 256 * (byte > 127) for byte in summed)


def _with_extensions(header: TarEntry, said: dict[str, str], where: str) -> TarEntry:
    """The member with what the headers before its own say of it."""
    name = said.get("path", header.name)
    if header.kind == SPARSE or any(key.startswith("GNU.sparse.") for key in said):
        raise _refused_error(where, "a member is stored as a sparse file, which is not read", name)
    size = said.get("size", str(header.size))
    if not re.fullmatch("[0-9]{1,19}", size) or int(size) > LARGEST_ARCHIVE - header.start:
        raise _refused_error(where, f"the size of a member is no number of bytes ({size[:40]!a})", name)
    kind = FOLDER if header.kind == b"\0" and name.endswith("/") else header.kind
    return TarEntry(name.rstrip("/"), kind, int(size), header.start)


def _pax_records(data: bytes, name: str, where: str) -> dict[str, str]:
    """What a PAX header says that matters here: `length key=value` and a line feed each, of which `length` counts all."""
    records: dict[str, str] = {}
    at = 0
    while at < len(data) and data[at]:
        space = data.find(b" ", at, at + 8)
        length = data[at : max(at, space)]
        stop = at + int(length) if length.isdigit() else 0
        if not space < stop - 1 < len(data) or data[stop - 1] != ord("\n"):
            raise _refused_error(where, "the archive is damaged: the PAX header of a member cannot be read", name)
        key, _, value = data[space + 1 : stop - 1].partition(b"=")
        if key in (b"path", b"size"):
            records[key.decode()] = value.decode("utf-8", "surrogateescape")
        elif key.startswith(b"GNU.sparse."):
            records["GNU.sparse."] = ""
        at = stop
    return records


def _refused_error(where: str, cause: str, name: str | None = None) -> InputError:
    member = "" if name is None else f" (member {name[:100]!a})"
    return InputError(f"{where}: {cause}{member}; fetch the archive again, or pack it anew with plain headers")


def _parse_number(field: bytes) -> int | None:
    """A number in octal digits, or behind a byte 0x80 in binary; None where it is neither."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.partition(b"\0")[0].strip()
    return int(digits or b"0", 8) if re.fullmatch(b"[0-7]*", digits) else None


def _decode_text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _padded_size(size: int) -> int:
    """Bytes that `size` bytes take in a tar."""
    return -(-size // BLOCK) * BLOCK
