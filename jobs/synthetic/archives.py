"""Where rows wait until a member's size is known, and how members become the published files."""

from __future__ import annotations

import calendar
import datetime
import io
import os
import shutil
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import pyarrow as pa
from isal import igzip

from oilake.conf.registry import ExpectedMember, Release
from oilake.jobs.synthetic import text
from oilake.jobs.synthetic.release_rules import FIRST

GZIP_LEVEL = 1
COPY_BYTES = 1 << 20
FILE_MODE = 0o664

Content = bytes | Path
Spools = dict[str, IO[bytes]]


def spool_name(release: Release, expected: ExpectedMember) -> str:
    """The spool that a CSV member is copied from; members that are the same in several releases share one."""
    subset, table, name = expected.subset, expected.member.table, release.release
    if table == "images":
        return f"images-{subset}" if name != FIRST or subset == "train" else f"images-{FIRST}-{subset}"
    if table == "labels" and "machine" in expected.path:
        return f"machine-{FIRST}-{subset}" if name == FIRST else f"machine-{subset}"
    return f"{'boxes' if table == 'boxes' else 'human'}-{name}-{subset}"


def header_line(release: Release, expected: ExpectedMember) -> bytes:
    """A CSV member's first line; train boxes have no attributes."""
    columns = release.columns[expected.member.columns or ""]
    short = expected.member.table == "boxes" and expected.subset == "train"
    absent = expected.member.optional_columns if short else ()
    return ",".join(name for name in columns if name not in absent).encode() + b"\n"


@contextmanager
def open_spools(folder: Path, headers: Mapping[str, bytes]) -> Iterator[Spools]:
    """One open file a spool, which begins with its header."""
    with ExitStack() as stack:
        opened: Spools = {name: stack.enter_context(open(folder / name, "wb", COPY_BYTES)) for name in headers}
        for name, line in headers.items():
            opened[name].write(line)
        yield opened


def append_rows(opened: Spools, texts: Mapping[str, Sequence[pa.StringArray]]) -> None:
    """Appends one slice's rows."""
    for name, lines in texts.items():
        opened[name].writelines(text.row_bytes(lines))


def write_tar_gz(path: Path, folder: Path, members: Sequence[tuple[str, Content]], date: datetime.date) -> None:
    """The members (name, bytes or the file that holds them) as `path`, which appears when it is whole.

    The same members give the same bytes: no clock, no user and no file name goes in. `folder`: for what is not whole.
    """
    unfinished = folder / f"{path.name}.part"
    with (
        open(unfinished, "wb") as raw,
        igzip.IGzipFile(filename="", mode="wb", compresslevel=GZIP_LEVEL, fileobj=raw, mtime=0) as packed,
        tarfile.TarFile(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT, copybufsize=COPY_BYTES) as archive,
    ):
        for name, content in members:
            _add_member(archive, name, content, date)
    os.replace(unfinished, path)


def _add_member(archive: tarfile.TarFile, name: str, content: Content, date: datetime.date) -> None:
    info = tarfile.TarInfo(name)
    info.mtime, info.mode = calendar.timegm(date.timetuple()), FILE_MODE
    info.uname = info.gname = "root"
    info.size = len(content) if isinstance(content, bytes) else content.stat().st_size
    with io.BytesIO(content) if isinstance(content, bytes) else open(content, "rb") as source:
        archive.addfile(info, source)


def write_plain(path: Path, folder: Path, content: Content) -> None:
    """`content` as the file `path`, which appears when it is whole."""
    unfinished = folder / f"{path.name}.part"
    if isinstance(content, bytes):
        unfinished.write_bytes(content)
    else:
        shutil.copyfile(content, unfinished)
    os.replace(unfinished, path)
