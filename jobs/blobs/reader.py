"""Looks at blobs of one location by one method: all their bytes, their ETag, or what the listing told."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Literal

from oilake.conf.settings import FetchSettings
from oilake.conf.storage import Storage
from oilake.jobs.blobs.hashing import inspect_bytes
from oilake.jobs.blobs.locations import Location
from oilake.jobs.blobs.records import Blob, BlobFacts
from oilake.jobs.sources import tar_members
from oilake.jobs.sources.csv_records import ReadBytes

Method = Literal["full", "etag", "size"]

BUFFER = 1 << 20


def inspect_blobs(
    blobs: Sequence[tuple[Blob, str | None]], location: Location, method: Method, fetch: FetchSettings, storage: Storage
) -> Iterator[BlobFacts]:
    """The facts of each blob, given with the MD5 that is expected of it, in their order.

    What is wrong with one blob is told in its facts; InputError where an archive is damaged.
    """
    if method == "size":
        return (_listed_facts(blob) for blob, _ in blobs)
    if location.kind == "s3":
        return _inspect_objects(blobs, method, fetch, storage)
    if location.kind == "tar.gz":
        return _inspect_unpacked([blob for blob, _ in blobs], location.uri)
    return _files([blob for blob, _ in blobs])


def _listed_facts(blob: Blob) -> BlobFacts:
    return BlobFacts("listing", None, problem=blob.problem) if blob.problem else BlobFacts("size", blob.size)


def _inspect_objects(
    blobs: Sequence[tuple[Blob, str | None]], method: Method, fetch: FetchSettings, storage: Storage
) -> Iterator[BlobFacts]:
    """Several at once, in order: a server takes longer to answer than to send a small blob."""
    from oilake.jobs.blobs import s3_reader  # boto3 takes a while to import, and a folder needs none of it
    from oilake.jobs.transport import s3

    source = s3.s3_source(fetch, storage)

    def inspect_object(pair: tuple[Blob, str | None]) -> BlobFacts:
        blob, expected = pair
        if method == "etag":
            return s3_reader.inspect_by_etag(blob, expected, source, fetch)
        return s3_reader.inspect_by_bytes(blob, source, fetch)

    with ThreadPoolExecutor(fetch.connections) as pool:
        yield from pool.map(inspect_object, blobs)


def _files(blobs: Sequence[Blob]) -> Iterator[BlobFacts]:
    """Whole files, and members of a tar by their place in it."""
    buffer = memoryview(bytearray(BUFFER))
    for blob in blobs:
        try:
            yield _listed_facts(blob) if blob.problem else _inspect_file(blob, buffer)
        except OSError as error:
            yield BlobFacts("listing", None, problem=error.strerror or str(error))


def _inspect_file(blob: Blob, buffer: memoryview) -> BlobFacts:
    file = os.open(blob.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if blob.start is not None:
            os.lseek(file, blob.start, os.SEEK_SET)
        return inspect_bytes(_file_chunks(partial(_read_into, file), buffer, None if blob.start is None else blob.size))
    finally:
        os.close(file)


def _read_into(file: int, view: memoryview) -> int:
    return os.readv(file, [view])


def _file_chunks(into: Callable[[memoryview], int], buffer: memoryview, limit: int | None) -> Iterator[memoryview]:
    """The bytes up to the end or `limit`, each chunk in the same buffer."""
    while limit is None or limit > 0:
        count = into(buffer if limit is None else buffer[: min(BUFFER, limit)])
        if not count:
            return
        yield buffer[:count]
        limit = None if limit is None else limit - count


def _inspect_unpacked(blobs: Sequence[Blob], archive: str) -> Iterator[BlobFacts]:
    starts = {blob.start for blob in blobs if blob.start is not None and not blob.problem}
    facts_by_start: dict[int | None, BlobFacts] = {
        start: inspect_bytes(_member_pieces(read)) for start, read in tar_members.read_bodies(archive, starts)
    }
    for blob in blobs:
        yield _listed_facts(blob) if blob.problem else facts_by_start[blob.start]


def _member_pieces(read: ReadBytes) -> Iterator[bytes]:
    while piece := read(BUFFER):
        yield piece
