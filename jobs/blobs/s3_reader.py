"""Blobs on S3: listed, asked for what their ETag means, and read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from threading import Event
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from oilake.conf.errors import InputError
from oilake.conf.settings import Fetch
from oilake.jobs.blobs.blob_keys import is_hidden
from oilake.jobs.blobs.hashing import look
from oilake.jobs.blobs.image_formats import HEAD
from oilake.jobs.blobs.locations import Location
from oilake.jobs.blobs.records import Blob, Facts
from oilake.jobs.transport import s3
from oilake.jobs.transport.retry import persist
from oilake.jobs.transport.source import AgainError, RefusedError, Source

PLAIN = re.compile("[0-9a-f]{32}")
PARTS = re.compile("[0-9a-f]{32}-([0-9]+)")


def listed(location: Location, fetch: Fetch) -> Iterator[Blob]:
    """Every object under the prefix, by its name; InputError where they cannot be listed to their end."""
    client, begin = s3.client(fetch), len(location.prefix)
    for found in _pages(client, location, fetch):
        for one in found.get("Contents", ()):
            key = one["Key"][begin:]
            if key and not key.endswith("/") and not is_hidden(key):
                etag = one["ETag"].strip('"')
                yield Blob(key, f"s3://{location.bucket}/{one['Key']}", one["Size"], f"etag {etag}", etag)


def _pages(client: Any, location: Location, fetch: Fetch) -> Iterator[Any]:
    """Answers of a thousand names each, asked for again where one fails."""
    token: dict[str, str] = {}

    def ask() -> Any:
        try:
            return client.list_objects_v2(Bucket=location.bucket, Prefix=location.prefix, **token)
        except (ClientError, BotoCoreError) as error:
            s3.refuse(error)

    while True:
        try:
            page, _ = persist(ask, lambda: 0, location.uri, fetch, Event())
        except RefusedError as error:
            raise InputError(
                f"{location.uri}: cannot be listed: {error}; check its name and your rights to list it"
            ) from None
        yield page
        if not page.get("IsTruncated"):
            return
        token["ContinuationToken"] = page["NextContinuationToken"]


def by_etag(blob: Blob, expected: str | None, source: Source, fetch: Fetch) -> Facts:
    """What the ETag tells of a blob without reading it: its MD5, where it was put in one part and no key encrypts it.

    An ETag that equals the expected MD5 is one; of any other the server is asked how it was made.
    """
    assert blob.etag is not None
    if parts := PARTS.fullmatch(blob.etag):
        return Facts("size", blob.size, note=f"its ETag is no MD5: it was put in {parts[1]} parts")
    if not PLAIN.fullmatch(blob.etag):
        return Facts("size", blob.size, note="its ETag is no MD5")
    if blob.etag == expected or expected is None:
        return Facts("etag", blob.size, blob.etag if blob.etag == expected else None)
    try:
        found, _ = persist(lambda: source.head(blob.path, None), lambda: 0, blob.key, fetch, Event())
    except RefusedError as error:
        return Facts("listing", None, problem=str(error))
    if found.md5 is None:
        return Facts("size", blob.size, note="its ETag is no MD5: a key encrypts it")
    return Facts("etag", found.bytes, found.md5)


def by_bytes(blob: Blob, source: Source, fetch: Fetch) -> Facts:
    """What all its bytes tell; asked for again from the start where the connection breaks."""
    try:
        found, _ = persist(lambda: _read(blob, source), lambda: 0, blob.key, fetch, Event())
    except RefusedError as error:
        return Facts("listing", None, problem=str(error))
    return found


def _read(blob: Blob, source: Source) -> Facts:
    with source.read(blob.path, 0, None) as answer:
        found = look(_regrouped(answer.chunks))
        if answer.version.bytes not in (None, found.size):
            raise AgainError(f"only {found.size:,} of {answer.version.bytes:,} bytes came")
        return found


def _regrouped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The chunks, the first of them as long as a header may be."""
    first = bytearray()
    for chunk in chunks:
        first += chunk
        if len(first) >= HEAD:
            break
    if first:
        yield bytes(first)
    yield from chunks
