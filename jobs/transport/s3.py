"""Files from S3 and what speaks like it; credentials come from boto3's own chain."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, NoReturn

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, FlexibleChecksumError, HTTPClientError, IncompleteReadError
from botocore.exceptions import ConnectionError as NoConnectionError

from oilake.conf.errors import ConfigError
from oilake.conf.settings import FetchSettings
from oilake.conf.storage import Storage
from oilake.jobs.transport import http_headers as fields
from oilake.jobs.transport.source import (
    AgainError,
    Answer,
    FailureCause,
    RefusedError,
    Source,
    UnsatisfiableError,
    Version,
    range_validator,
)

READ_BYTES = 1 << 16  # boto3 loses what it holds of a block when the connection breaks
TRANSIENT_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
BROKEN_CONNECTION = (NoConnectionError, HTTPClientError, IncompleteReadError)


def s3_source(fetch: FetchSettings, storage: Storage) -> Source:
    """Files behind s3:// URIs; ConfigError when boto3's own configuration does not fit."""
    boto_client = s3_client(fetch, storage)
    return Source(partial(_head_version, boto_client), partial(_read_answer, boto_client))


def s3_client(fetch: FetchSettings, storage: Storage) -> Any:
    """boto3's client, its credentials from boto3's own chain; ConfigError when they do not fit."""
    try:
        return boto3.client("s3", config=_client_config(fetch, storage), **storage.boto_arguments())
    except (BotoCoreError, ValueError) as error:
        raise ConfigError(
            f"S3 cannot be asked ({_on_one_line(error)}); see `storage` in the environment's YAML and boto3's configuration"
        ) from None


def _client_config(fetch: FetchSettings, storage: Storage) -> Config:
    return Config(
        signature_version=UNSIGNED if storage.unsigned else None,
        s3={"addressing_style": storage.boto_addressing()},
        connect_timeout=fetch.timeout_seconds,
        read_timeout=fetch.timeout_seconds,
        max_pool_connections=fetch.connections,
        retries={"total_max_attempts": 1},
    )


def _head_version(client: Any, url: str, known_version: Version | None) -> Version:
    try:
        return _object_version(client.head_object(**bucket_and_key(url)))
    except (ClientError, BotoCoreError) as error:
        raise_transport_error(error)


@contextmanager
def _read_answer(client: Any, url: str, start: int, version: Version | None) -> Iterator[Answer]:
    try:
        object_answer = client.get_object(**bucket_and_key(url), **_resume_arguments(start, version))
    except (ClientError, BotoCoreError) as error:
        raise_transport_error(error)
    body = object_answer["Body"]
    try:
        yield Answer(*_start_and_version(object_answer, start), _body_blocks(body))
    finally:
        body.close()


def bucket_and_key(url: str) -> dict[str, str]:
    """The arguments `Bucket` and `Key` of an s3:// URI."""
    bucket, _, key = url.removeprefix("s3://").partition("/")  # a key may hold ? and #, which end a URL's path
    return {"Bucket": bucket, "Key": key}


def _resume_arguments(start: int, version: Version | None) -> dict[str, str]:
    mark = range_validator(version)
    return {"Range": f"bytes={start}-", "IfMatch": mark} if start and mark else {}


def _start_and_version(object_answer: Mapping[str, Any], start: int) -> tuple[int, Version]:
    content_range = re.fullmatch(r"bytes ([0-9]{1,19})-[0-9]+/([0-9]{1,19})", object_answer.get("ContentRange") or "")
    if content_range is None:
        return 0, _object_version(object_answer)
    if int(content_range[1]) != start:
        raise AgainError("the server sends other bytes than it was asked for", after=0, restart=True)
    return start, _object_version({**object_answer, "ContentLength": int(content_range[2])})


def _object_version(object_answer: Mapping[str, Any]) -> Version:
    """The object's version; its ETag is its MD5 where it was put in one part and no key encrypts it."""
    etag = object_answer.get("ETag")
    plain = object_answer.get("ServerSideEncryption") in (None, "AES256") and not object_answer.get(
        "SSECustomerAlgorithm"
    )
    md5 = etag.strip('"') if etag and plain and re.fullmatch(r'"[0-9a-f]{32}"', etag) else None
    return Version(object_answer.get("ContentLength"), etag, None, md5)


def _body_blocks(body: Any) -> Iterator[bytes]:
    try:
        while block := body.read(READ_BYTES):
            yield block
    except BotoCoreError as error:
        raise_transport_error(error)


def raise_transport_error(error: ClientError | BotoCoreError) -> NoReturn:
    """What boto3 met, as AgainError, RefusedError or UnsatisfiableError."""
    if isinstance(error, FlexibleChecksumError):
        raise AgainError("the checksum differs from the server's", restart=True) from None
    if isinstance(error, BROKEN_CONNECTION):
        raise AgainError("no connection to the server, or it broke", cause=FailureCause("cut")) from None
    if not isinstance(error, ClientError):
        raise RefusedError(
            f"S3 cannot be asked ({_on_one_line(error)}); correct the address, or see storage.unsigned for public buckets"
        ) from None
    answer = error.response.get("ResponseMetadata", {})
    status, code = answer.get("HTTPStatusCode", 0), error.response.get("Error", {}).get("Code", "")
    cause = FailureCause("answer", status or None)
    if status in TRANSIENT_STATUSES or code == "RequestTimeout":
        raise AgainError(
            f"the server answers {status} {code}", fields.retry_after_seconds(_retry_after_header(answer)), cause=cause
        ) from None
    if status == 412:
        raise AgainError("the file changed on the server", after=0, restart=True) from None
    if status == 416:
        raise UnsatisfiableError from None
    raise RefusedError(f"the server answers {status} {code}".rstrip(), cause=cause) from None


def _on_one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _retry_after_header(answer: Mapping[str, Any]) -> dict[str, str]:
    return {"Retry-After": answer.get("HTTPHeaders", {}).get("retry-after", "")}
