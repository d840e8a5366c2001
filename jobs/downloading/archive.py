"""Images out of one of CVDF's archives, read once from front to back; nothing of it is kept but the wanted images."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, cast
from urllib.parse import urlsplit

import pyarrow as pa

from conf.errors import InputError
from jobs.blobs.stores import Store
from jobs.downloading import outcome
from jobs.downloading.image import UnfitError, take
from jobs.downloading.looking import look
from jobs.downloading.mailbox import Mailbox, send
from jobs.downloading.order import Order
from jobs.downloading.outcome import Outcome, failed
from jobs.fetching import folder, http
from jobs.fetching.addresses import without_secrets
from jobs.fetching.answers import Answer, RefusedError, Source, Version
from jobs.fetching.stream import Stream, chunks
from jobs.sources.archives import members
from jobs.sources.records import Read

BLOCK = 1 << 18
LETTER = 1_000

Row = Mapping[str, Any]


def run(batches: Iterable[pa.RecordBatch], order: Order, mailbox: Mailbox, store: Store) -> None:
    """Brings the wanted images of the archive; InputError when it cannot be read to its end.

    The task holds the rows of its images: of one archive, so 570,000 at most.
    """
    assert order.base is not None
    waiting: dict[str, pa.RecordBatch] = {}
    places: dict[str, int] = {}
    folder_name = order.base.rpartition("/")[2].removesuffix(".tar.gz")
    for batch in batches:
        rows = batch.to_pylist()
        found, wanted, present, other = look(rows, order, store)
        send(mailbox, outcome.table(found, order), present, other)
        ids = {row["image_id"] for row in wanted}
        for n, row in enumerate(rows):
            if row["image_id"] in ids:
                path = f"{folder_name}/{row['image_id']}.jpg"
                waiting[path], places[path] = batch, n
    if waiting:
        _read(waiting, places, order, mailbox, store)


def _read(
    waiting: dict[str, pa.RecordBatch], places: Mapping[str, int], order: Order, mailbox: Mailbox, store: Store
) -> None:
    base = order.base or ""
    done: list[tuple[Row, Outcome]] = []
    wanted = frozenset(waiting)
    try:
        for path, read in members(Stream(chunks(_source(order), base, order.fetch)), without_secrets(base), wanted):
            row = waiting.pop(path).slice(places[path], 1).to_pylist()[0]
            done.append((row, _bring(row, order, read, store)))
            if len(done) == LETTER:
                send(mailbox, outcome.table(done, order))
                done = []
    except RefusedError as error:
        raise InputError(f"{without_secrets(base)}: {error}; run the same command again") from None
    finally:
        store.settle()
        send(mailbox, outcome.table(done, order))
    absent = [(batch.slice(places[path], 1).to_pylist()[0], _absent()) for path, batch in waiting.items()]
    send(mailbox, outcome.table(absent, order))


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
        from jobs.fetching import s3  # boto3 takes a while to import

        return s3.source(replace(order.fetch, s3_unsigned=True))
    return http.source(order.fetch, is_guarded=not order.is_open) if kind else folder.source()
