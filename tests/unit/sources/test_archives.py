"""Archives that were made to harm: a sentence names the file and the member, in little memory; nothing is read whole."""

from __future__ import annotations

import gzip
import io
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from oilake.conf.errors import InputError
from oilake.jobs.sources import tar_members, tar_stream

NAME = "2017_11/test/annotations-human.csv"
DATA = b"ImageID,Source,LabelName,Confidence\n"
MIB = 1 << 20


def block(name: str, kind: bytes, size: int | bytes, data: bytes = b"") -> bytes:
    """One member as bytes: its header, and its data padded; `size` may be another than that of the data, or no number."""
    field = size if isinstance(size, bytes) else b"%011o\0" % size
    head = name.encode().ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + field + b"00000000000\0"
    head += b" " * 8 + kind + bytes(100) + b"ustar\x0000" + bytes(247)
    assert len(head) == 512
    return head[:148] + b"%06o\0 " % sum(head) + head[156:] + data + bytes(-len(data) % 512)


def pax(kind: bytes, **said: str) -> bytes:
    """A PAX header that says this."""
    data = b""
    for key, value in said.items():
        line = f" {key.replace('__', '.')}={value}\n".encode()
        length = len(line) + 2
        data += str(length + (length > 99)).encode() + line
    return block("PaxHeaders/x", kind, len(data), data)


def bomb(kind: bytes) -> bytes:
    return block("PaxHeaders/x", kind, 64 * MIB, bytes(64 * MIB))


MEMBER = block(NAME, b"0", len(DATA), DATA)
END = bytes(1024)
HARMFUL: dict[str, tuple[Callable[[], bytes], str]] = {
    "a PAX header of 64 MiB": (lambda: bomb(b"x") + MEMBER, "67,108,864 bytes, more than 1 MiB (member 'PaxHeaders/x')"),
    "a global header of 64 MiB": (lambda: bomb(b"g") + MEMBER, "more than 1 MiB (member 'PaxHeaders/x')"),
    "Solaris' header of 64 MiB": (lambda: bomb(b"X") + MEMBER, "more than 1 MiB (member 'PaxHeaders/x')"),
    "a long name of 64 MiB": (lambda: bomb(b"L") + MEMBER, "more than 1 MiB (member 'PaxHeaders/x')"),
    "a long link of 64 MiB": (lambda: bomb(b"K") + MEMBER, "more than 1 MiB (member 'PaxHeaders/x')"),
    "a header of 8 EiB": (lambda: block("x", b"x", b"\x80\7" + b"\xff" * 10), "no number of bytes (member 'x')"),
    "a chain of PAX headers": (lambda: pax(b"x", path="a") * 5000 + MEMBER, "more than 7 headers in a row"),
    "a chain of long names": (lambda: block("x", b"L", 4, b"name") * 5000 + MEMBER, "more than 7 headers in a row"),
    "a mixed chain": (lambda: (pax(b"g", comment="a") + block("x", b"K", 1, b"n")) * 9 + MEMBER, "more than 7 headers"),
    "a sparse file": (lambda: block(NAME, b"S", len(DATA), DATA), f"sparse file, which is not read (member '{NAME}')"),
    "a sparse file of PAX": (lambda: pax(b"x", GNU__sparse__major="1") + MEMBER, f"is not read (member '{NAME}')"),
    "a size of text": (lambda: pax(b"x", size="nan") + MEMBER, f"no number of bytes ('nan') (member '{NAME}')"),
    "a size below zero": (lambda: pax(b"x", size="-512") + MEMBER, f"no number of bytes ('-512') (member '{NAME}')"),
    "a size of 30 digits": (lambda: pax(b"x", size="9" * 30) + MEMBER, f"no number of bytes ('{'9' * 30}') (member"),
    "a binary size below zero": (lambda: block(NAME, b"0", b"\xff" * 12) + MEMBER, f"no number of bytes (member '{NAME}')"),
    "a size in words": (lambda: block(NAME, b"0", b"twelve bytes"), f"no number of bytes (member '{NAME}')"),
    "a PAX record without end": (lambda: block("x", b"x", 9, b"99 a=b\n\n\n") + MEMBER, "cannot be read (member 'x')"),
    "a PAX record of length 0": (lambda: block("x", b"x", 7, b"0 a=bc\n") + MEMBER, "cannot be read (member 'x')"),
    "a PAX record that is digits": (lambda: block("x", b"x", MIB, b"1" * MIB) + MEMBER, "cannot be read (member 'x')"),
    "no header between members": (lambda: MEMBER + b"x" * 512 + MEMBER, "no header of a member stands at its byte 1,024"),
    "a wrong checksum": (lambda: MEMBER + MEMBER.replace(b"2017_11", b"2017_12"), "no header of a member stands at"),
}  # fmt: skip


@pytest.mark.lengthy
@pytest.mark.parametrize("name", HARMFUL)
@pytest.mark.parametrize("is_blobs", [False, True], ids=["release", "blobs"])
def test_harmful_headers_are_refused_by_file_and_member(tmp_path: Path, name: str, is_blobs: bool):
    make, cause = HARMFUL[name]
    path = tmp_path / "harmful.tar.gz"
    path.write_bytes(gzip.compress(make() + END, 1))
    tracemalloc.start()
    try:
        with pytest.raises(InputError) as refusal:
            read(path, is_blobs)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "harmful.tar.gz: " in str(refusal.value)
    assert cause in str(refusal.value)
    assert "fetch the archive again" in str(refusal.value)
    assert len(str(refusal.value)) < 500
    assert peak < 16 * MIB


def read(path: Path, is_blobs: bool) -> list[tuple[str, bytes]]:
    """(name, bytes) of the members, as ingest reads a release's archive or as verify reads images."""
    if is_blobs:
        listed = {member.start: member.name for member in tar_members.list_members(str(path)) if member.is_file}
        return [(listed[start], body(1 << 30)) for start, body in tar_members.read_bodies(str(path), set(listed))]
    with path.open("rb", buffering=0) as stream:
        return [(name, body(1 << 30)) for name, body in tar_stream.stream_members(stream, path.name, Anything())]


class Anything(list[str]):
    def __contains__(self, name: object) -> bool:
        return name != "somewhere"


@pytest.mark.parametrize("packing", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("is_blobs", [False, True], ids=["release", "blobs"])
def test_members_are_those_that_were_packed(tmp_path: Path, packing: int, is_blobs: bool):
    path = tmp_path / "good.tar.gz"
    names = [NAME, "./a", "ü" * 30, f"{'folder/' * 12}{'n' * 60}"]
    names += [] if packing == tarfile.USTAR_FORMAT else ["n" * 3000, f"{'f' * 200}/{'é' * 90}"]
    contents = {name: name.encode() * n for n, name in enumerate(names)}
    with tarfile.open(path, "w:gz", format=packing, pax_headers={"comment": "all"}) as archive:
        archive.addfile(folder("somewhere"))
        for name, data in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    assert dict(read(path, is_blobs)) == {name.removeprefix("./"): data for name, data in contents.items()}


def folder(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = tarfile.DIRTYPE
    return info


def test_a_large_size_in_binary_is_read():
    """GNU tar writes sizes from 8 GiB on so; the member itself may be cut here."""
    stream = io.BytesIO(gzip.compress(block(NAME, b"0", b"\x80" + (9 << 30).to_bytes(11, "big")) + DATA))
    with pytest.raises(InputError, match="truncated"):
        list(tar_stream.stream_members(stream, "large.tar.gz", [NAME]))
