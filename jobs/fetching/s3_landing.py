"""A landing area on S3: each file is fetched into the user's cache, resumed there, and put on S3 once it is whole."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

from pyarrow import fs

from oilake.conf.errors import StoreError, os_cause
from oilake.jobs.fetching.locations import FetchItem
from oilake.jobs.fetching.results import FetchResult
from oilake.jobs.runtime.fetch_receipt import load_receipt, parse_receipt, receipt_path
from oilake.jobs.runtime.filesystem import file_size, join_uri, open_filesystem
from oilake.jobs.runtime.jars import cache_folder


def spool_folder(landing: str) -> Path:
    """Where the files of one landing area wait for their last byte."""
    return cache_folder().with_name("landing") / hashlib.sha256(landing.encode()).hexdigest()[:16]


def stored_result(item: FetchItem, landing: str) -> FetchResult | None:
    """The file that was put on S3, as its receipt there says; None where it is not there, or not of that size."""
    store, path = open_filesystem(join_uri(landing, _receipt_key(item)))
    try:
        with store.open_input_stream(path, compression=None) as stream:
            receipt = parse_receipt(stream.read())
    except (FileNotFoundError, ValueError):
        return None
    if receipt is None or file_size(join_uri(landing, item.path)) != receipt.bytes:
        return None
    return FetchResult(item.name, receipt.url, receipt.bytes, receipt.sha256, "present")


def store_file(item: FetchItem, landing: str) -> None:
    """Puts a fetched file on S3 and its receipt after it; the cache forgets both. StoreError where S3 does not take it."""
    receipt = load_receipt(item.target)
    size = item.target.stat().st_size
    store, path = open_filesystem(join_uri(landing, item.path))
    try:
        fs.copy_files(str(item.target), path, source_filesystem=fs.LocalFileSystem(), destination_filesystem=store)
        if receipt is not None:
            with store.open_output_stream(open_filesystem(join_uri(landing, _receipt_key(item)))[1]) as stream:
                stream.write(json.dumps(dataclasses.asdict(receipt)).encode())
    except OSError as error:
        raise StoreError(
            f"{landing}/{item.path}: cannot be written ({os_cause(error)}); run the same command again"
        ) from None
    if file_size(join_uri(landing, item.path)) != size:
        raise StoreError(
            f"{landing}/{item.path}: is not as long there as here ({size:,} bytes); run the same command again"
        )
    item.target.unlink()
    receipt_path(item.target).unlink(missing_ok=True)


def _receipt_key(item: FetchItem) -> str:
    return str(receipt_path(Path(item.path)))
