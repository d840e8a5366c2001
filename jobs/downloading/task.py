"""What a Spark task does: looks which of its images are there, and brings the others over a few connections."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa

from oilake.conf.errors import OilakeError
from oilake.conf.settings import FetchSettings
from oilake.conf.storage import Storage
from oilake.jobs.blobs.blob_store import BlobStore
from oilake.jobs.blobs.open_store import open_blob_store as open_store
from oilake.jobs.downloading import archive_downloader, image_downloader, outcome, row_selection
from oilake.jobs.downloading.outcome import ImageOutcome
from oilake.jobs.downloading.request import DownloadRequest
from oilake.jobs.downloading.row_selection import TaskRows
from oilake.jobs.downloading.skip_existing import find_present
from oilake.jobs.downloading.task_messages import Mailbox, send_rows
from oilake.jobs.transport import http
from oilake.jobs.transport.rate_limit import RateLimiter
from oilake.jobs.transport.source import Source
from oilake.jobs.transport.thread_pool import work_in_threads

TROUBLE = (OilakeError, OSError)

Row = Mapping[str, Any]


def download_partition(dealt: Iterable[Sequence[TaskRows]], order: DownloadRequest, mailbox: Mailbox) -> Iterator[str]:
    """Brings the images of one partition; yields the sentence of what ends the run, and nothing when all is well."""
    pa.set_cpu_count(1)
    try:
        store = open_store(order.location, order.fetch, order.storage)
        for task_rows in dealt:
            _download_batches(row_selection.read_batches(task_rows), order, mailbox, store)
    except TROUBLE as error:
        yield str(error) if isinstance(error, OilakeError) else unwritable_sentence(error, order.location)


def unwritable_sentence(error: OSError, location: str) -> str:
    """What failed where, and what mends it."""
    return f"{error.filename or location}: cannot be written ({error.strerror or error}); mend the store"


def _download_batches(
    batches: Iterator[pa.RecordBatch], order: DownloadRequest, mailbox: Mailbox, store: BlobStore
) -> None:
    if order.archive:
        archive_downloader.download_from_archive(batches, order, mailbox, store)
        return
    rate = _task_rate(order)
    for batch in batches:
        _download_batch(batch.to_pylist(), order, mailbox, store, rate)


def _download_batch(
    rows: list[Row], order: DownloadRequest, mailbox: Mailbox, store: BlobStore, rate: RateLimiter
) -> None:
    outcomes, to_download, present, different = find_present(rows, order, store)
    source = open_source(order) if to_download else None

    def download_row(row: Row) -> ImageOutcome:
        assert source is not None
        return image_downloader.download_image(row, order, source, store, rate)

    outcomes += zip(
        to_download, work_in_threads(download_row, to_download, order.download.connections, Event()), strict=True
    )
    store.settle()
    send_rows(mailbox, outcome.downloads_rows(outcomes, order), present, different)


def _task_rate(order: DownloadRequest) -> RateLimiter:
    """This process's share of the limit; it runs one task at a time."""
    limit = order.download.requests_per_second
    return _shared_rate(order.run_id, limit / order.tasks if limit else None)


@cache
def _shared_rate(run_id: str, limit: float | None) -> RateLimiter:
    return RateLimiter(limit)


def open_source(order: DownloadRequest) -> Source:
    """Where the images come from."""
    kind = urlsplit(order.base).scheme if order.base else "http"
    return _cached_source(
        kind, order.is_open, replace(order.fetch, connections=order.download.connections), order.storage
    )


@cache
def _cached_source(kind: str, allow_private: bool, fetch: FetchSettings, storage: Storage) -> Source:
    """One a process, so that connections are used again by its next task."""
    if kind == "s3":
        from oilake.jobs.transport import s3  # boto3 takes a while to import

        return s3.s3_source(fetch, replace(storage, unsigned=True))
    return http.http_source(fetch, is_guarded=not allow_private)
