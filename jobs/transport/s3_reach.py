"""Whether what is on S3 can be reached, and whether the store there keeps two racing writers apart."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, SSLError

from oilake.conf.errors import StoreError
from oilake.conf.settings import FetchSettings
from oilake.conf.storage import Storage
from oilake.jobs.transport.s3 import BROKEN_CONNECTION, TRANSIENT_STATUSES, bucket_and_key, s3_client

T = TypeVar("T")

PROBE = "_oilake/one-writer-of-two"
TRIES = 3
TIMEOUT_SECONDS = 10.0
REFUSED_WRITES = (409, 412)
REMEDIES = {
    "NoSuchBucket": "there is no such bucket; make it, or correct the URI",
    "InvalidAccessKeyId": "the access key is not known there; correct AWS_ACCESS_KEY_ID or the profile",
    "SignatureDoesNotMatch": "the secret key does not fit the access key; correct AWS_SECRET_ACCESS_KEY or the profile",
    "RequestTimeTooSkewed": "this machine's clock and the store's differ by too much; set the clock",
    "ExpiredToken": "the credentials have expired; get new ones",
    "AccessDenied": "the credentials do not reach so far; allow s3:ListBucket, s3:GetObject, s3:PutObject, s3:DeleteObject",
    "PermanentRedirect": "the bucket is in another region; set storage.region or AWS_REGION",
    "AuthorizationHeaderMalformed": "the bucket is in another region; set storage.region or AWS_REGION",
}


@cache
def require_reachable(uri: str, storage: Storage) -> None:
    """Asks once for one name below an s3:// URI; StoreError, by what S3 answers, when it cannot be had."""
    _ask_store(
        uri,
        storage,
        lambda client, place: client.list_objects_v2(Bucket=place["Bucket"], Prefix=place["Key"], MaxKeys=1),
    )


@cache
def require_one_writer_of_two(uri: str, storage: Storage) -> None:
    """Puts an object below an s3:// URI that only the first may put; StoreError where the store lets a second one too.

    Commits to a table are such objects: there, one of two runs would lose what it was told is written.
    """
    if storage.single_writer or not _is_put(uri, storage) or not _is_put(uri, storage):
        return
    raise StoreError(
        f"{uri}: the store does not keep two writers apart (it takes a second PUT with If-None-Match: *), so one of two "
        "runs could be lost; take another store, or set storage.single_writer where no two runs ever write at once"
    )


def _is_put(uri: str, storage: Storage) -> bool:
    """Whether the store took the object although it must be the first."""

    def put_first(client: Any, place: dict[str, str]) -> bool:
        try:
            client.put_object(**place | {"Key": f"{place['Key'].rstrip('/')}/{PROBE}".lstrip("/")}, IfNoneMatch="*")
        except ClientError as error:
            if _http_status(error) not in REFUSED_WRITES:
                raise
            return False
        return True

    return _ask_store(uri, storage, put_first)


def _ask_store(uri: str, storage: Storage, question: Callable[[Any, dict[str, str]], T]) -> T:
    client = s3_client(FetchSettings(timeout_seconds=TIMEOUT_SECONDS), storage)
    for attempt in range(1, TRIES + 1):
        try:
            return question(client, bucket_and_key(uri))
        except (ClientError, BotoCoreError) as error:
            if attempt == TRIES or not _is_transient(error):
                raise StoreError(f"{uri}: cannot be reached: {_failure_remedy(error, storage)}") from None
            time.sleep(attempt)
    raise AssertionError("the last attempt returns or raises")


def _is_transient(error: ClientError | BotoCoreError) -> bool:
    return isinstance(error, BROKEN_CONNECTION) or (
        isinstance(error, ClientError) and _http_status(error) in TRANSIENT_STATUSES
    )


def _failure_remedy(error: ClientError | BotoCoreError, storage: Storage) -> str:
    if isinstance(error, SSLError):
        return f"the certificate of {storage.endpoint or 'AWS'} is not trusted; see On S3 in the README"
    if isinstance(error, BROKEN_CONNECTION):
        return f"{storage.endpoint or 'AWS'} does not answer; check the network and storage.endpoint"
    if isinstance(error, NoCredentialsError):
        return (
            "no AWS credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role, or "
            "storage.unsigned for a public bucket"
        )
    if not isinstance(error, ClientError):
        return f"{' '.join(str(error).split())}; see storage in the environment's YAML, and AWS's configuration"
    code = error.response.get("Error", {}).get("Code", "")
    return REMEDIES.get(code, f"the server answers {_http_status(error)} {code}; check the URI, its rights and storage")


def _http_status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
