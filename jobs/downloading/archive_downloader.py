"""Images out of one of CVDF's archives, read once from front to back; nothing of it is kept but the wanted images."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, cast
from urllib.parse import urlsplit

import pyarrow as pa

from oilake.conf.errors import InputError
from oilake.jobs.blobs.blob_store import BlobStore
from oilake.jobs.downloading import outcome
from oilake.jobs.downloading.image_downloader import IN_MEMORY, UnfitImageError, write_answer
from oilake.jobs.downloading.outcome import ImageOutcome, failed_outcome
from oilake.jobs.downloading.request import DownloadRequest
from oilake.jobs.downloading.skip_existing import find_present
from oilake.jobs.downloading.task_messages import Mailbox, send_rows
from oilake.jobs.sources.csv_records import ReadBytes
from oilake.jobs.sources.tar_stream import stream_members
from oilake.jobs.transport import http, local
from oilake.jobs.transport.address_guard import without_secrets
from oilake.jobs.transport.resumable_stream import ChunkStream, resumed_chunks
from oilake.jobs.transport.source import Answer, RefusedError, Source, Version

BLOCK = 1 << 18
MESSAGE_ROWS = 1_000

Row = Mapping[str, Any]
BatchRow = tuple[pa.RecordBatch, int]


def download_from_archive(
    batches: Iterable[pa.RecordBatch], order: DownloadRequest, mailbox: Mailbox, store: BlobStore
) -> None:
    """Brings the wanted images of the archive; InputError when it cannot be read to its end.

    The task holds the rows of its images: of one archive, so 570,000 at most.
    """
    assert order.base is not None
    waiting: dict[str, list[BatchRow]] = {}
    folder_name = order.base.rpartition("/")[2].removesuffix(".tar.gz")
    for batch in batches:
        rows = batch.to_pylist()
        unrecorded, to_download, present, different = find_present(rows, order, store)
        send_rows(mailbox, outcome.downloads_rows(unrecorded, order), present, different)
        ids = {row["image_id"] for row in to_download}
        for n, row in enumerate(rows):
            if row["image_id"] in ids:
                path = f"{folder_name}/{row['image_id']}.jpg"
                waiting.setdefault(path, []).append((batch, n))
    if waiting:
        _read_archive(waiting, order, mailbox, store)


def _read_archive(
    waiting: dict[str, list[BatchRow]], order: DownloadRequest, mailbox: Mailbox, store: BlobStore
) -> None:
    base = order.base or ""
    done: list[tuple[Row, ImageOutcome]] = []
    member_names = frozenset(waiting)
    try:
        for path, read in stream_members(
            ChunkStream(resumed_chunks(_archive_source(order), base, order.fetch)), without_secrets(base), member_names
        ):
            rows = [_row_at(place) for place in waiting.pop(path)]
            with _repeatable_member(read, len(rows), order.download.max_bytes) as again:
                done += [(row, _bring_image(row, order, again(), store)) for row in rows]
            if len(done) >= MESSAGE_ROWS:
                send_rows(mailbox, outcome.downloads_rows(done, order))
                done = []
    except RefusedError as error:
        raise InputError(
            f"{without_secrets(base)}: {error}; check the archive, and run the same command again"
        ) from None
    finally:
        store.settle()
        send_rows(mailbox, outcome.downloads_rows(done, order))
    absent = [(_row_at(place), _absent_outcome()) for places in waiting.values() for place in places]
    send_rows(mailbox, outcome.downloads_rows(absent, order))


def _row_at(place: BatchRow) -> Row:
    batch, n = place
    row: Row = batch.slice(n, 1).to_pylist()[0]
    return row


@contextmanager
def _repeatable_member(read: ReadBytes, count: int, max_bytes: int) -> Iterator[Callable[[], ReadBytes]]:
    """How to read a member from its start, `count` times; an archive gives each byte once."""
    if count == 1:
        yield lambda: read
        return
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as spool:
        while spool.tell() <= max_bytes and (block := read(BLOCK)):
            spool.write(block)

        def read_from_start() -> ReadBytes:
            spool.seek(0)
            return spool.read

        yield read_from_start


def _absent_outcome() -> ImageOutcome:
    return failed_outcome("not_found", "the archive does not hold it", 0, 0.0)


def _bring_image(row: Row, order: DownloadRequest, read: ReadBytes, store: BlobStore) -> ImageOutcome:
    started = time.monotonic()
    answer = Answer(0, Version(), cast("Iterator[bytes]", iter(partial(read, BLOCK), b"")))
    try:
        image_outcome = write_answer(row, order, order.base or "", answer, store)
    except UnfitImageError as error:
        return failed_outcome(error.status, str(error), 1, time.monotonic() - started, order.base)
    return replace(image_outcome, tries=1, seconds=time.monotonic() - started)


def _archive_source(order: DownloadRequest) -> Source:
    kind = urlsplit(order.base or "").scheme
    if kind == "s3":
        from oilake.jobs.transport import s3  # boto3 takes a while to import

        return s3.s3_source(order.fetch, replace(order.storage, unsigned=True))
    return http.http_source(order.fetch, is_guarded=not order.is_open) if kind else local.local_source()
