"""Looks at blobs of one location by one method: all their bytes, their ETag, or what the listing told."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Literal

from oilake.conf.settings import Fetch
from oilake.jobs.blobs.hashing import look
from oilake.jobs.blobs.locations import Location
from oilake.jobs.blobs.records import Blob, Facts
from oilake.jobs.sources import tar_members
from oilake.jobs.sources.csv_records import Read

Method = Literal["full", "etag", "size"]

BUFFER = 1 << 20


def looks(
    blobs: Sequence[tuple[Blob, str | None]], location: Location, method: Method, fetch: Fetch
) -> Iterator[Facts]:
    """The facts of each blob, given with the MD5 that is expected of it, in their order.

    What is wrong with one blob is told in its facts; InputError where an archive is damaged.
    """
    if method == "size":
        return (_told(blob) for blob, _ in blobs)
    if location.kind == "s3":
        return _objects(blobs, method, fetch)
    if location.kind == "tar.gz":
        return _unpacked([blob for blob, _ in blobs], location.uri)
    return _files([blob for blob, _ in blobs])


def _told(blob: Blob) -> Facts:
    return Facts("listing", None, problem=blob.problem) if blob.problem else Facts("size", blob.size)


def _objects(blobs: Sequence[tuple[Blob, str | None]], method: Method, fetch: Fetch) -> Iterator[Facts]:
    """Several at once, in order: a server takes longer to answer than to send a small blob."""
    from oilake.jobs.blobs import s3_reader  # boto3 takes a while to import, and a folder needs none of it
    from oilake.jobs.transport import s3

    source = s3.source(fetch)

    def one(pair: tuple[Blob, str | None]) -> Facts:
        blob, expected = pair
        if method == "etag":
            return s3_reader.by_etag(blob, expected, source, fetch)
        return s3_reader.by_bytes(blob, source, fetch)

    with ThreadPoolExecutor(fetch.connections) as pool:
        yield from pool.map(one, blobs)


def _files(blobs: Sequence[Blob]) -> Iterator[Facts]:
    """Whole files, and members of a tar by their place in it."""
    buffer = memoryview(bytearray(BUFFER))
    for blob in blobs:
        try:
            yield _told(blob) if blob.problem else _file(blob, buffer)
        except OSError as error:
            yield Facts("listing", None, problem=error.strerror or str(error))


def _file(blob: Blob, buffer: memoryview) -> Facts:
    file = os.open(blob.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if blob.start is not None:
            os.lseek(file, blob.start, os.SEEK_SET)
        return look(_chunks(partial(_into, file), buffer, None if blob.start is None else blob.size))
    finally:
        os.close(file)


def _into(file: int, view: memoryview) -> int:
    return os.readv(file, [view])


def _chunks(into: Callable[[memoryview], int], buffer: memoryview, limit: int | None) -> Iterator[memoryview]:
    """The bytes up to the end or `limit`, each chunk in the same buffer."""
    while limit is None or limit > 0:
        count = into(buffer if limit is None else buffer[: min(BUFFER, limit)])
        if not count:
            return
        yield buffer[:count]
        limit = None if limit is None else limit - count


def _unpacked(blobs: Sequence[Blob], archive: str) -> Iterator[Facts]:
    wanted = {blob.start for blob in blobs if blob.start is not None and not blob.problem}
    found: dict[int | None, Facts] = {start: look(_pieces(read)) for start, read in tar_members.bodies(archive, wanted)}
    for blob in blobs:
        yield _told(blob) if blob.problem else found[blob.start]


def _pieces(read: Read) -> Iterator[bytes]:
    while piece := read(BUFFER):
        yield piece
