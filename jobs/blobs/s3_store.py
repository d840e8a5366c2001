"""Blobs under a prefix on S3: each comes with its receipt in one conditional PUT, checked by its MD5 on the other side."""

from __future__ import annotations

import base64
import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event
from typing import Any, BinaryIO, TypeVar, cast
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from oilake.conf.errors import StoreError
from oilake.conf.settings import Fetch
from oilake.jobs.blobs import image_formats
from oilake.jobs.blobs.blob_store import Receipt, Store, Unfinished
from oilake.jobs.transport import s3
from oilake.jobs.transport.retry import persist
from oilake.jobs.transport.source import RefusedError

T = TypeVar("T")

IN_MEMORY = 1 << 20
BLOCK = 1 << 16
TABLE_TYPE, OTHER_TYPE = "text/csv; charset=utf-8", "application/octet-stream"


def store(location: str, fetch: Fetch) -> Store:
    """The blobs under s3://bucket/prefix; credentials and endpoint come from boto3's own chain."""
    parts = urlsplit(location)
    place = _Place(s3.client(replace(fetch, s3_unsigned=False, s3_endpoint=None)), parts.netloc, parts.path, fetch)
    return Store(
        place.sizes, _begin, place.finish, place.receipt, _forget, place.md5, place.put, _nothing_to_sweep, _settle
    )


@contextmanager
def _begin(key: str) -> Iterator[Unfinished]:
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as stream:
        yield Unfinished(key, cast(BinaryIO, stream))


def _forget(keys: Iterable[str]) -> None:
    """The receipt is part of the object."""


def _nothing_to_sweep() -> int:
    return 0


def _settle() -> None:
    """A PUT that was answered is."""


def _media_type(key: str, stream: BinaryIO) -> str:
    """By the bytes: an original that is no JPEG has the name of one, since the layout gives it."""
    stream.seek(0)
    kind = image_formats.kind(stream.read(image_formats.TAIL))
    return f"image/{kind}" if kind else TABLE_TYPE if key.endswith(".csv") else OTHER_TYPE


class _Place:
    """A bucket and a prefix in it."""

    def __init__(self, client: Any, bucket: str, path: str, fetch: Fetch) -> None:
        self._client, self._bucket, self._fetch = client, bucket, fetch
        self._prefix = f"{path.strip('/')}/" if path.strip("/") else ""

    def sizes(self, keys: list[str]) -> dict[str, int]:
        """From listings of the stretches of names that the sorted keys span, one a folder."""
        found: dict[str, int] = {}
        wanted = set(keys)
        for folder in sorted({key.rpartition("/")[0] for key in keys}):
            mine = [key for key in keys if key.rpartition("/")[0] == folder]
            found |= {key: size for key, size in self._listed(f"{folder}/", mine[0], mine[-1]) if key in wanted}
        return found

    def _listed(self, folder: str, first: str, last: str) -> Iterator[tuple[str, int]]:
        after = self._prefix + first[:-1]
        while True:
            asked = {"Bucket": self._bucket, "Prefix": self._prefix + folder, "StartAfter": after}
            page = self._ask(folder, lambda asked=asked: self._client.list_objects_v2(**asked))  # type: ignore[misc]
            for one in page.get("Contents", ()):
                after = one["Key"]
                if after > self._prefix + last:
                    return
                yield after[len(self._prefix) :], one["Size"]
            if not page.get("IsTruncated"):
                return

    def receipt(self, key: str) -> Receipt | None:
        """What stands in the object's own metadata."""
        told = self._ask(key, lambda: self._client.head_object(**self._object(key)))["Metadata"]
        try:
            return Receipt(told["md5"], int(told["bytes"]), told["source"], told["is-resized"] == "true")
        except (KeyError, ValueError):
            return None

    def md5(self, key: str) -> str:
        return self._ask(key, lambda: self._hashed(key))

    def _hashed(self, key: str) -> str:
        md5 = hashlib.md5(usedforsecurity=False)
        body = self._client.get_object(**self._object(key))["Body"]
        while block := body.read(BLOCK):
            md5.update(block)
        return md5.hexdigest()

    def finish(self, unfinished: Unfinished, receipt: Receipt, is_noted: bool) -> None:
        """One PUT for a new name; what stands there already is replaced only in the state in which it was looked at."""
        told = {"md5": receipt.md5, "bytes": str(receipt.bytes), "source": receipt.source}
        told["is-resized"] = str(receipt.is_resized).lower()
        self._put(unfinished.key, unfinished.stream, receipt.md5, told)

    def put(self, key: str, data: bytes) -> None:
        with _begin(key) as unfinished:
            unfinished.stream.write(data)
            self._put(key, unfinished.stream, hashlib.md5(data, usedforsecurity=False).hexdigest(), {})

    def _put(self, key: str, stream: BinaryIO, md5: str, told: dict[str, str]) -> None:
        checked = base64.b64encode(bytes.fromhex(md5)).decode()
        media_type = _media_type(key, stream)

        def attempt() -> None:
            stream.seek(0)
            whole = {**self._object(key), "ContentMD5": checked, "ContentType": media_type, "Metadata": told}
            try:
                self._client.put_object(**whole, Body=stream, IfNoneMatch="*")
            except ClientError as error:
                if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") not in (409, 412):
                    raise
                there = self._client.head_object(**self._object(key))
                if not told or there["Metadata"].get("md5") != told["md5"]:
                    stream.seek(0)
                    self._client.put_object(**whole, Body=stream, IfMatch=there["ETag"])

        self._ask(key, attempt)

    def _object(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + key}

    def _ask(self, key: str, work: Callable[[], T]) -> T:
        """What `work` gives, asked for again where that helps; StoreError where it does not."""

        def attempt() -> T:
            try:
                return work()
            except (ClientError, BotoCoreError) as error:
                s3.refuse(error)

        try:
            return persist(attempt, lambda: 0, key, self._fetch, Event())[0]
        except RefusedError as error:
            raise StoreError(
                f"s3://{self._bucket}/{self._prefix}{key}: {error}; mend the store and run again"
            ) from None
