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
from oilake.conf.settings import Fetch
from oilake.jobs.blobs.blob_store import Store
from oilake.jobs.blobs.open_store import store as open_store
from oilake.jobs.downloading import archive_downloader, image_downloader, outcome, row_selection
from oilake.jobs.downloading.outcome import Outcome
from oilake.jobs.downloading.request import Order
from oilake.jobs.downloading.row_selection import Share
from oilake.jobs.downloading.skip_existing import look
from oilake.jobs.downloading.task_messages import Mailbox, send
from oilake.jobs.transport import http
from oilake.jobs.transport.rate_limit import Rate
from oilake.jobs.transport.source import Source
from oilake.jobs.transport.thread_pool import each

TROUBLE = (OilakeError, OSError)

Row = Mapping[str, Any]


def run(dealt: Iterable[Sequence[Share]], order: Order, mailbox: Mailbox) -> Iterator[str]:
    """Brings the images of one partition; yields the sentence of what ends the run, and nothing when all is well."""
    pa.set_cpu_count(1)
    try:
        store = open_store(order.location, order.fetch)
        for shares in dealt:
            _run(row_selection.batches(shares), order, mailbox, store)
    except TROUBLE as error:
        yield str(error) if isinstance(error, OilakeError) else unwritable(error, order.location)


def unwritable(error: OSError, location: str) -> str:
    """What failed where, and what mends it."""
    return f"{error.filename or location}: cannot be written ({error.strerror or error}); mend the store"


def _run(batches: Iterator[pa.RecordBatch], order: Order, mailbox: Mailbox, store: Store) -> None:
    if order.archive:
        archive_downloader.run(batches, order, mailbox, store)
        return
    rate = _rate(order)
    for batch in batches:
        _bring(batch.to_pylist(), order, mailbox, store, rate)


def _bring(rows: list[Row], order: Order, mailbox: Mailbox, store: Store, rate: Rate) -> None:
    found, wanted, present, other = look(rows, order, store)
    source = connect(order) if wanted else None

    def work(row: Row) -> Outcome:
        assert source is not None
        return image_downloader.bring(row, order, source, store, rate)

    found += zip(wanted, each(work, wanted, order.download.connections, Event()), strict=True)
    store.settle()
    send(mailbox, outcome.table(found, order), present, other)


def _rate(order: Order) -> Rate:
    """This process's share of the limit; it runs one task at a time."""
    limit = order.download.requests_per_second
    return _shared_rate(order.run_id, limit / order.tasks if limit else None)


@cache
def _shared_rate(run_id: str, limit: float | None) -> Rate:
    return Rate(limit)


def connect(order: Order) -> Source:
    """Where the images come from."""
    kind = urlsplit(order.base).scheme if order.base else "http"
    return _source(kind, order.is_open, replace(order.fetch, connections=order.download.connections))


@cache
def _source(kind: str, is_open: bool, fetch: Fetch) -> Source:
    """One a process, so that connections are used again by its next task."""
    if kind == "s3":
        from oilake.jobs.transport import s3  # boto3 takes a while to import

        return s3.source(replace(fetch, s3_unsigned=True))
    return http.source(fetch, is_guarded=not is_open)
