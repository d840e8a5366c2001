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
from oilake.jobs.blobs.blob_store import Store
from oilake.jobs.downloading import outcome
from oilake.jobs.downloading.image_downloader import IN_MEMORY, UnfitError, take
from oilake.jobs.downloading.outcome import Outcome, failed
from oilake.jobs.downloading.request import Order
from oilake.jobs.downloading.skip_existing import look
from oilake.jobs.downloading.task_messages import Mailbox, send
from oilake.jobs.sources.csv_records import Read
from oilake.jobs.sources.tar_stream import members
from oilake.jobs.transport import http, local
from oilake.jobs.transport.address_guard import without_secrets
from oilake.jobs.transport.resumable_stream import Stream, chunks
from oilake.jobs.transport.source import Answer, RefusedError, Source, Version

BLOCK = 1 << 18
LETTER = 1_000

Row = Mapping[str, Any]
Place = tuple[pa.RecordBatch, int]


def run(batches: Iterable[pa.RecordBatch], order: Order, mailbox: Mailbox, store: Store) -> None:
    """Brings the wanted images of the archive; InputError when it cannot be read to its end.

    The task holds the rows of its images: of one archive, so 570,000 at most.
    """
    assert order.base is not None
    waiting: dict[str, list[Place]] = {}
    folder_name = order.base.rpartition("/")[2].removesuffix(".tar.gz")
    for batch in batches:
        rows = batch.to_pylist()
        found, wanted, present, other = look(rows, order, store)
        send(mailbox, outcome.table(found, order), present, other)
        ids = {row["image_id"] for row in wanted}
        for n, row in enumerate(rows):
            if row["image_id"] in ids:
                path = f"{folder_name}/{row['image_id']}.jpg"
                waiting.setdefault(path, []).append((batch, n))
    if waiting:
        _read(waiting, order, mailbox, store)


def _read(waiting: dict[str, list[Place]], order: Order, mailbox: Mailbox, store: Store) -> None:
    base = order.base or ""
    done: list[tuple[Row, Outcome]] = []
    wanted = frozenset(waiting)
    try:
        for path, read in members(Stream(chunks(_source(order), base, order.fetch)), without_secrets(base), wanted):
            rows = [_row(place) for place in waiting.pop(path)]
            with _repeated(read, len(rows), order.download.max_bytes) as again:
                done += [(row, _bring(row, order, again(), store)) for row in rows]
            if len(done) >= LETTER:
                send(mailbox, outcome.table(done, order))
                done = []
    except RefusedError as error:
        raise InputError(
            f"{without_secrets(base)}: {error}; check the archive, and run the same command again"
        ) from None
    finally:
        store.settle()
        send(mailbox, outcome.table(done, order))
    absent = [(_row(place), _absent()) for places in waiting.values() for place in places]
    send(mailbox, outcome.table(absent, order))


def _row(place: Place) -> Row:
    batch, n = place
    row: Row = batch.slice(n, 1).to_pylist()[0]
    return row


@contextmanager
def _repeated(read: Read, count: int, max_bytes: int) -> Iterator[Callable[[], Read]]:
    """How to read a member from its start, `count` times; an archive gives each byte once."""
    if count == 1:
        yield lambda: read
        return
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as spool:
        while spool.tell() <= max_bytes and (block := read(BLOCK)):
            spool.write(block)

        def again() -> Read:
            spool.seek(0)
            return spool.read

        yield again


def _absent() -> Outcome:
    return failed("not_found", "the archive does not hold it", 0, 0.0)


def _bring(row: Row, order: Order, read: Read, store: Store) -> Outcome:
    started = time.monotonic()
    answer = Answer(0, Version(), cast("Iterator[bytes]", iter(partial(read, BLOCK), b"")))
    try:
        found = take(row, order, order.base or "", answer, store)
    except UnfitError as error:
        return failed(error.status, str(error), 1, time.monotonic() - started, order.base)
    return replace(found, tries=1, seconds=time.monotonic() - started)


def _source(order: Order) -> Source:
    kind = urlsplit(order.base or "").scheme
    if kind == "s3":
        from oilake.jobs.transport import s3  # boto3 takes a while to import

        return s3.source(replace(order.fetch, s3_unsigned=True))
    return http.source(order.fetch, is_guarded=not order.is_open) if kind else local.source()
