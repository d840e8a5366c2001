"""Blobs on S3: listed, asked for what their ETag means, and read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from threading import Event
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from oilake.conf.errors import InputError
from oilake.conf.settings import FetchSettings
from oilake.conf.storage import Storage
from oilake.jobs.blobs.blob_keys import is_hidden
from oilake.jobs.blobs.hashing import inspect_bytes
from oilake.jobs.blobs.image_formats import HEAD
from oilake.jobs.blobs.locations import Location
from oilake.jobs.blobs.records import Blob, BlobFacts
from oilake.jobs.transport import s3
from oilake.jobs.transport.retry import try_persistently
from oilake.jobs.transport.source import AgainError, RefusedError, Source

PLAIN = re.compile("[0-9a-f]{32}")
PARTS = re.compile("[0-9a-f]{32}-([0-9]+)")


def list_objects(location: Location, fetch: FetchSettings, storage: Storage) -> Iterator[Blob]:
    """Every object under the prefix, by its name; InputError where they cannot be listed to their end."""
    client, begin = s3.s3_client(fetch, storage), len(location.prefix)
    for page in _listing_pages(client, location, fetch):
        for entry in page.get("Contents", ()):
            key = entry["Key"][begin:]
            if key and not key.endswith("/") and not is_hidden(key):
                etag = entry["ETag"].strip('"')
                yield Blob(key, f"s3://{location.bucket}/{entry['Key']}", entry["Size"], f"etag {etag}", etag)


def _listing_pages(client: Any, location: Location, fetch: FetchSettings) -> Iterator[Any]:
    """Answers of a thousand names each, asked for again where one fails."""
    token: dict[str, str] = {}

    def ask_for_page() -> Any:
        try:
            return client.list_objects_v2(Bucket=location.bucket, Prefix=location.prefix, **token)
        except (ClientError, BotoCoreError) as error:
            s3.raise_transport_error(error)

    while True:
        try:
            page, _ = try_persistently(ask_for_page, lambda: 0, location.uri, fetch, Event())
        except RefusedError as error:
            raise InputError(
                f"{location.uri}: cannot be listed: {error}; check its name and your rights to list it"
            ) from None
        yield page
        if not page.get("IsTruncated"):
            return
        token["ContinuationToken"] = page["NextContinuationToken"]


def inspect_by_etag(blob: Blob, expected: str | None, source: Source, fetch: FetchSettings) -> BlobFacts:
    """What the ETag tells of a blob without reading it: its MD5, where it was put in one part and no key encrypts it.

    An ETag that equals the expected MD5 is one; of any other the server is asked how it was made.
    """
    assert blob.etag is not None
    if parts := PARTS.fullmatch(blob.etag):
        return BlobFacts("size", blob.size, note=f"its ETag is no MD5: it was put in {parts[1]} parts")
    if not PLAIN.fullmatch(blob.etag):
        return BlobFacts("size", blob.size, note="its ETag is no MD5")
    if blob.etag == expected or expected is None:
        return BlobFacts("etag", blob.size, blob.etag if blob.etag == expected else None)
    try:
        head_answer, _ = try_persistently(lambda: source.head(blob.path, None), lambda: 0, blob.key, fetch, Event())
    except RefusedError as error:
        return BlobFacts("listing", None, problem=str(error))
    if head_answer.md5 is None:
        return BlobFacts("size", blob.size, note="its ETag is no MD5: a key encrypts it")
    return BlobFacts("etag", head_answer.bytes, head_answer.md5)


def inspect_by_bytes(blob: Blob, source: Source, fetch: FetchSettings) -> BlobFacts:
    """What all its bytes tell; asked for again from the start where the connection breaks."""
    try:
        facts, _ = try_persistently(lambda: _read_facts(blob, source), lambda: 0, blob.key, fetch, Event())
    except RefusedError as error:
        return BlobFacts("listing", None, problem=str(error))
    return facts


def _read_facts(blob: Blob, source: Source) -> BlobFacts:
    with source.read(blob.path, 0, None) as answer:
        facts = inspect_bytes(_with_whole_header(answer.chunks))
        if answer.version.bytes not in (None, facts.size):
            raise AgainError(f"only {facts.size:,} of {answer.version.bytes:,} bytes came")
        return facts


def _with_whole_header(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The chunks, the first of them as long as a header may be."""
    first = bytearray()
    for chunk in chunks:
        first += chunk
        if len(first) >= HEAD:
            break
    if first:
        yield bytes(first)
    yield from chunks
