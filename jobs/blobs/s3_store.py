"""Blobs under a prefix on S3: each comes with its receipt in one conditional PUT, checked by its MD5 on the other side."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any, BinaryIO, TypeVar, cast
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from oilake.conf.errors import StoreError
from oilake.conf.settings import FetchSettings
from oilake.conf.storage import Storage
from oilake.jobs.blobs import image_formats
from oilake.jobs.blobs.blob_store import BlobReceipt, BlobStore, UnfinishedBlob
from oilake.jobs.transforms.md5 import to_base64
from oilake.jobs.transport import s3
from oilake.jobs.transport.retry import try_persistently
from oilake.jobs.transport.source import RefusedError

T = TypeVar("T")

IN_MEMORY = 1 << 20
BLOCK = 1 << 16
TABLE_TYPE, OTHER_TYPE = "text/csv; charset=utf-8", "application/octet-stream"


def open_prefix(location: str, fetch: FetchSettings, storage: Storage) -> BlobStore:
    """The blobs under s3://bucket/prefix; credentials come from boto3's own chain."""
    parts = urlsplit(location)
    prefix = _S3Prefix(s3.s3_client(fetch, storage), parts.netloc, parts.path, fetch)
    return BlobStore(
        prefix.sizes,
        _begin_blob,
        prefix.finish,
        prefix.receipt,
        _forget_nothing,
        prefix.md5,
        prefix.put,
        _nothing_to_sweep,
        _settle_nothing,
    )


@contextmanager
def _begin_blob(key: str) -> Iterator[UnfinishedBlob]:
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as stream:
        yield UnfinishedBlob(key, cast(BinaryIO, stream))


def _forget_nothing(keys: Iterable[str]) -> None:
    """The receipt is part of the object."""


def _nothing_to_sweep() -> int:
    return 0


def _settle_nothing() -> None:
    """A PUT that was answered is."""


def _media_type(key: str, stream: BinaryIO) -> str:
    """By the bytes: an original that is no JPEG has the name of one, since the layout gives it."""
    stream.seek(0)
    kind = image_formats.image_kind(stream.read(image_formats.TAIL))
    return f"image/{kind}" if kind else TABLE_TYPE if key.endswith(".csv") else OTHER_TYPE


class _S3Prefix:
    """A bucket and a prefix in it."""

    def __init__(self, client: Any, bucket: str, path: str, fetch: FetchSettings) -> None:
        self._client, self._bucket, self._fetch = client, bucket, fetch
        self._prefix = f"{path.strip('/')}/" if path.strip("/") else ""

    def sizes(self, keys: list[str]) -> dict[str, int]:
        """From listings of the stretches of names that the sorted keys span, one a folder."""
        sizes: dict[str, int] = {}
        asked_keys = set(keys)
        for folder in sorted({key.rpartition("/")[0] for key in keys}):
            folder_keys = [key for key in keys if key.rpartition("/")[0] == folder]
            sizes |= {
                key: size
                for key, size in self._list_between(f"{folder}/", folder_keys[0], folder_keys[-1])
                if key in asked_keys
            }
        return sizes

    def _list_between(self, folder: str, first: str, last: str) -> Iterator[tuple[str, int]]:
        after = self._prefix + first[:-1]
        while True:
            asked = {"Bucket": self._bucket, "Prefix": self._prefix + folder, "StartAfter": after}
            page = self._ask_server(folder, lambda asked=asked: self._client.list_objects_v2(**asked))  # type: ignore[misc]
            for entry in page.get("Contents", ()):
                after = entry["Key"]
                if after > self._prefix + last:
                    return
                yield after[len(self._prefix) :], entry["Size"]
            if not page.get("IsTruncated"):
                return

    def receipt(self, key: str) -> BlobReceipt | None:
        """What stands in the object's own metadata."""
        metadata = self._ask_server(key, lambda: self._client.head_object(**self._object_arguments(key)))["Metadata"]
        try:
            return BlobReceipt(
                metadata["md5"], int(metadata["bytes"]), metadata["source"], metadata["is-resized"] == "true"
            )
        except (KeyError, ValueError):
            return None

    def md5(self, key: str) -> str:
        return self._ask_server(key, lambda: self._hash_object(key))

    def _hash_object(self, key: str) -> str:
        md5 = hashlib.md5(usedforsecurity=False)
        body = self._client.get_object(**self._object_arguments(key))["Body"]
        while block := body.read(BLOCK):
            md5.update(block)
        return md5.hexdigest()

    def finish(self, unfinished: UnfinishedBlob, receipt: BlobReceipt, is_noted: bool) -> None:
        """One PUT for a new name; what stands there already is replaced only in the state in which it was looked at."""
        metadata = {"md5": receipt.md5, "bytes": str(receipt.bytes), "source": receipt.source}
        metadata["is-resized"] = str(receipt.is_resized).lower()
        self._put_object(unfinished.key, unfinished.stream, receipt.md5, metadata)

    def put(self, key: str, data: bytes) -> None:
        with _begin_blob(key) as unfinished:
            unfinished.stream.write(data)
            self._put_object(key, unfinished.stream, hashlib.md5(data, usedforsecurity=False).hexdigest(), {})

    def _put_object(self, key: str, stream: BinaryIO, md5: str, metadata: dict[str, str]) -> None:
        md5_base64 = to_base64(md5)
        media_type = _media_type(key, stream)

        def put_blob() -> None:
            stream.seek(0)
            whole = {
                **self._object_arguments(key),
                "ContentMD5": md5_base64,
                "ContentType": media_type,
                "Metadata": metadata,
            }
            try:
                self._client.put_object(**whole, Body=stream, IfNoneMatch="*")
            except ClientError as error:
                if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") not in (409, 412):
                    raise
                current = self._client.head_object(**self._object_arguments(key))
                if not metadata or current["Metadata"].get("md5") != metadata["md5"]:
                    stream.seek(0)
                    self._client.put_object(**whole, Body=stream, IfMatch=current["ETag"])

        self._ask_server(key, put_blob)

    def _object_arguments(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + key}

    def _ask_server(self, key: str, work: Callable[[], T]) -> T:
        """What `work` gives, asked for again where that helps; StoreError where it does not."""

        def ask_once() -> T:
            try:
                return work()
            except (ClientError, BotoCoreError) as error:
                s3.raise_transport_error(error)

        try:
            return try_persistently(ask_once, lambda: 0, key, self._fetch, Event())[0]
        except RefusedError as error:
            raise StoreError(
                f"s3://{self._bucket}/{self._prefix}{key}: {error}; mend the store and run again"
            ) from None
