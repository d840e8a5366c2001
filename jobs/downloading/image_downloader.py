"""One image: asked for, judged, made smaller where that is wanted, and written."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from threading import Event
from typing import Any, BinaryIO, cast
from urllib.parse import urlsplit

from oilake.jobs.blobs import image_formats
from oilake.jobs.blobs.blob_store import BlobReceipt, BlobStore
from oilake.jobs.blobs.resize import DamagedImageError, PixelBombError, Resize, resized
from oilake.jobs.downloading.outcome import ImageOutcome, failed_outcome, failure_status
from oilake.jobs.downloading.request import DownloadRequest, blob_key, image_address
from oilake.jobs.transport.rate_limit import RateLimiter
from oilake.jobs.transport.retry import try_persistently
from oilake.jobs.transport.source import AgainError, Answer, FailureCause, RefusedError, Source
from oilake.jobs.transport.throughput import refuse_slow_chunks

IN_MEMORY = 1 << 20
UNAVAILABLE = "photo_unavailable"


class UnfitImageError(Exception):
    """Bytes that came whole and are not the image; `status` says in what way."""

    def __init__(self, status: str, sentence: str, url: str | None, code: int | None) -> None:
        super().__init__(sentence)
        self.status, self.url, self.code = status, url, code


@dataclass(frozen=True)
class ReceivedBody:
    """Bytes that came: their size, MD5 (hex), where from, and what the release says of the original (None: not known, or
    not comparable)."""

    stream: BinaryIO
    size: int
    md5: str
    url: str
    code: int | None
    expected_size: int | None
    expected_md5: str | None

    def unfit(self, status: str, sentence: str) -> UnfitImageError:
        """The verdict that these bytes are not the image."""
        return UnfitImageError(status, sentence, self.url, self.code)


def download_image(
    row: Mapping[str, Any], order: DownloadRequest, source: Source, store: BlobStore, rate: RateLimiter
) -> ImageOutcome:
    """What became of one image. OSError or StoreError where the blob cannot be written: that is no matter of one image."""
    started, url, begun = time.monotonic(), image_address(row, order), [0]
    if url is None:
        return failed_outcome("not_found", "the release gives no address", 0, 0.0)
    if urlsplit(url).scheme not in ("http", "https", "s3"):
        return failed_outcome("refused", "only http, https and s3 are asked", 0, 0.0, url)
    try:
        image_outcome, tries = try_persistently(
            lambda: _attempt_download(row, order, url, source, store, rate, begun),
            lambda: 0, "", order.fetch, Event(), _say_nothing,
        )  # fmt: skip
    except UnfitImageError as error:
        return failed_outcome(error.status, str(error), begun[0], time.monotonic() - started, error.url, error.code)
    except RefusedError as error:
        cause = error.cause
        return failed_outcome(
            failure_status(cause), str(error), error.tries, time.monotonic() - started, cause.url or url, cause.code
        )
    return replace(image_outcome, tries=tries, seconds=time.monotonic() - started)


def _say_nothing(line: str) -> None:
    """Each failure is a row; a line for each of millions of tries would tell nobody anything."""


def _attempt_download(
    row: Mapping[str, Any],
    order: DownloadRequest,
    url: str,
    source: Source,
    store: BlobStore,
    rate: RateLimiter,
    begun: list[int],
) -> ImageOutcome:
    """One request, counted in `begun`; AgainError, RefusedError or UnfitError when no blob came of it."""
    begun[0] += 1
    rate.wait()
    try:
        with source.read(url, 0, None) as answer:
            return write_answer(row, order, url, answer, store)
    except AgainError as error:
        if error.after and error.cause.code == 429:
            rate.rest(min(error.after, order.fetch.wait_limit_seconds))
        raise


def write_answer(
    row: Mapping[str, Any], order: DownloadRequest, asked: str, answer: Answer, store: BlobStore
) -> ImageOutcome:
    """Writes the blob that the answer to `asked` carries, if it is fit."""
    name = blob_key(row, order.resize)
    with store.begin(name) as unfinished:
        if order.resize is None:
            body = _receive_body(row, order, asked, answer, unfinished.stream)
            receipt = BlobReceipt(body.md5, body.size, order.source, False)
        else:
            with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as spool:
                body = _receive_body(row, order, asked, answer, cast(BinaryIO, spool))
                receipt = _made_smaller(body, order, unfinished.stream)
        store.finish(unfinished, receipt, receipt.is_resized or body.expected_md5 is None or body.expected_size is None)
    return ImageOutcome("downloaded", None, body.url, body.code, receipt.bytes, receipt.md5, receipt.is_resized)


def _receive_body(
    row: Mapping[str, Any], order: DownloadRequest, asked: str, answer: Answer, stream: BinaryIO
) -> ReceivedBody:
    """The whole body, in `stream`; AgainError when it is cut, UnfitError when it is not the image."""
    md5, size = hashlib.md5(usedforsecurity=False), 0
    if (answer.version.bytes or 0) > order.download.max_bytes:
        sentence = f"it is said to have {answer.version.bytes:,} bytes, more than download.max_bytes"
        raise UnfitImageError("bomb", sentence, answer.url or asked, answer.code)
    try:
        for block in refuse_slow_chunks(answer.chunks, order.fetch):
            size += len(block)
            if size > order.download.max_bytes:
                sentence = f"it has more than {order.download.max_bytes:,} bytes"
                raise UnfitImageError("bomb", sentence, answer.url or asked, answer.code)
            md5.update(block)
            stream.write(block)
    except AgainError as error:
        error.cause = replace(error.cause, code=answer.code, url=answer.url)
        raise
    if answer.version.bytes not in (None, size):
        cause = FailureCause("cut", answer.code, answer.url)
        raise AgainError(f"only {size:,} of {answer.version.bytes:,} bytes came", cause=cause)
    if answer.version.md5 not in (None, md5.hexdigest()):
        raise AgainError(
            "the bytes differ from the server's checksum", cause=FailureCause("cut", answer.code, answer.url)
        )
    is_original = order.source == "original"
    expected = (row["original_size"], row["original_md5"]) if is_original else (None, None)
    body = ReceivedBody(stream, size, md5.hexdigest(), answer.url or asked, answer.code, *expected)
    _refuse_unfit(body, asked, order)
    return body


def _refuse_unfit(body: ReceivedBody, asked: str, order: DownloadRequest) -> None:
    """UnfitError unless the bytes are an image, the one that was asked for as far as that is known, and no bomb."""
    body.stream.seek(0)
    head = body.stream.read(image_formats.HEAD)
    kind = image_formats.image_kind(head)
    if not _is_original(body):
        is_jpeg = urlsplit(asked).path.lower().endswith((".jpg", ".jpeg"))
        is_unavailable = UNAVAILABLE in urlsplit(body.url).path
        if is_unavailable or order.placeholders.match(body.md5, kind, body.size, is_jpeg):
            raise body.unfit("placeholder", "Flickr's picture for a photo that is gone came in its place")
        if kind is None:
            raise body.unfit("not_an_image", f"the {body.size:,} bytes are no image")
        if body.expected_size not in (None, body.size):
            raise body.unfit("md5_mismatch", f"{body.size:,} bytes came, the original has {body.expected_size:,}")
        if body.expected_md5 is not None:
            raise body.unfit("md5_mismatch", f"the MD5 is {body.md5}, the original's is {body.expected_md5}")
    sides = image_formats.image_sides(kind, head) if kind else None
    if sides and sides[0] * sides[1] > order.download.max_pixels:
        raise body.unfit("bomb", f"it claims {sides[0]:,} x {sides[1]:,} pixels")
    if kind and body.expected_md5 is None and _is_cut(body, kind, head, order.download.max_pixels):
        raise body.unfit("cut", f"the {body.size:,} bytes begin as an image and do not end as one")


def _is_cut(body: ReceivedBody, kind: str, head: bytes, max_pixels: int) -> bool:
    """Some cameras write behind the end mark and some kinds have none: what does not show that it is whole is unfolded."""
    body.stream.seek(max(0, body.size - image_formats.TAIL))
    if image_formats.is_whole(kind, head, body.size, body.stream.read(image_formats.TAIL)):
        return False
    try:
        resized(body.stream, Resize(1), max_pixels)
    except DamagedImageError:
        return True
    except PixelBombError as error:
        raise body.unfit("bomb", str(error)) from None
    return False


def _is_original(body: ReceivedBody) -> bool:
    return body.expected_md5 == body.md5 and body.expected_size in (None, body.size)


def _made_smaller(body: ReceivedBody, order: DownloadRequest, stream: BinaryIO) -> BlobReceipt:
    assert order.resize is not None
    try:
        data = resized(body.stream, order.resize, order.download.max_pixels, _is_original(body))
    except PixelBombError as error:
        raise body.unfit("bomb", str(error)) from None
    except DamagedImageError as error:
        raise body.unfit("not_an_image", str(error)) from None
    if data is None:
        body.stream.seek(0)
        while block := body.stream.read(IN_MEMORY):
            stream.write(block)
        return BlobReceipt(body.md5, body.size, order.source, False)
    stream.write(data)
    return BlobReceipt(hashlib.md5(data, usedforsecurity=False).hexdigest(), len(data), order.source, True)
