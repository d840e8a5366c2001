"""Bytes behind a URI (a local path or `s3://…`): the one place that opens them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import fs

from oilake.conf.errors import ConfigError, InputError
from oilake.conf.storage import Storage, StorageUri, uri_storage

HASH_BLOCK = 4 << 20
S3_ATTEMPTS = 10  # with longer and longer pauses between them: a server that is begun anew is waited for


@dataclass(frozen=True)
class Checksums:
    """Size in bytes and checksums (lower-case hex) of one file."""

    bytes: int
    sha256: str
    md5: str


def open_filesystem(uri: str) -> tuple[fs.FileSystem, str]:
    """(the file system, the path in it) of a local path or URI."""
    if "://" in uri:
        try:
            if uri.startswith("s3://") and (storage := uri_storage(uri)) != Storage():
                return _s3_filesystem(storage), uri.removeprefix("s3://")
            system_and_path: tuple[fs.FileSystem, str] = fs.FileSystem.from_uri(uri)
        except (pa.ArrowException, OSError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise ConfigError(
                f"{uri}: is no place to read or write ({reason}); give a folder or s3://bucket/prefix"
            ) from None
        return system_and_path
    return fs.LocalFileSystem(), str(Path(uri).absolute())


@cache
def _s3_filesystem(storage: Storage) -> fs.FileSystem:
    patience = fs.AwsStandardS3RetryStrategy(max_attempts=S3_ATTEMPTS)
    # Opened when bytes come: a small file is one PUT, and not a PUT between two POSTs.
    return fs.S3FileSystem(**storage.arrow_arguments(), retry_strategy=patience, allow_delayed_open=True)


def make_parent(store: fs.FileSystem, path: str) -> None:
    """Makes the folder of a file that is going to be written; S3 has no folders, and would keep an empty object for each."""
    if store.type_name != "s3":
        store.create_dir(path.rpartition("/")[0], recursive=True)


def join_uri(uri: str, *parts: str) -> StorageUri:
    """A path below `uri`, reached as that is."""
    return StorageUri("/".join([uri.rstrip("/"), *parts]), uri_storage(uri))


def is_local_file(uri: str) -> bool:
    """Whether a local path leads to a file; a URI does not."""
    return "://" not in uri and Path(uri).is_file()


def is_on_s3(*uris: str) -> bool:
    """Whether one of some paths or URIs is on S3."""
    return any(uri.startswith("s3://") for uri in uris)


def spark_path(uri: str) -> str:
    """A path or URI as Spark's Hadoop client calls it."""
    return f"s3a://{uri.removeprefix('s3://')}" if uri.startswith("s3://") else str(uri)


@dataclass(frozen=True)
class FileState:
    """What tells one state of a file from another without reading it: its bytes, and when it was changed (ns since 1970)."""

    bytes: int
    changed_at: int | None


def file_size(uri: str) -> int | None:
    """Bytes of the file at `uri`; None where there is no file."""
    state = file_state(uri)
    return state.bytes if state else None


def file_state(uri: str) -> FileState | None:
    """The state of the file at `uri`; None where there is no file."""
    store, path = open_filesystem(uri)
    try:
        info = store.get_file_info(path)
    except OSError as error:
        raise InputError(
            f"{uri}: cannot be asked for ({error}); check the address, its rights and the network"
        ) from None
    return FileState(int(info.size), info.mtime_ns) if info.type == fs.FileType.File else None


@contextmanager
def open_stream(uri: str) -> Iterator[Any]:
    """The file at `uri` for reading from front to back; InputError when it cannot be opened."""
    store, path = open_filesystem(uri)
    with _open_or_explain(uri, lambda: store.open_input_stream(path, compression=None)) as stream:
        yield stream


@contextmanager
def open_file(uri: str) -> Iterator[Any]:
    """The file at `uri` for reading anywhere; InputError when it cannot be opened."""
    store, path = open_filesystem(uri)
    with _open_or_explain(uri, lambda: store.open_input_file(path)) as stream:
        yield stream


def _open_or_explain(uri: str, opening: Callable[[], Any]) -> Any:
    try:
        return opening()
    except FileNotFoundError:
        raise InputError(f"{uri}: no such file; fetch it first") from None
    except OSError as error:
        raise InputError(f"{uri}: cannot be read ({error}); check its rights and the disk") from None


def file_checksums(uri: str) -> Checksums:
    """Size, SHA-256 and MD5 of the file at `uri`, in one pass; the two sums side by side."""
    sha256, md5, count = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    with open_stream(uri) as stream, ThreadPoolExecutor(1) as beside:
        while block := _read_block(stream, uri):
            md5_update = beside.submit(md5.update, block)
            sha256.update(block)
            count += len(block)
            md5_update.result()
    return Checksums(count, sha256.hexdigest(), md5.hexdigest())


def _read_block(stream: Any, uri: str) -> bytes:
    try:
        block: bytes = stream.read(HASH_BLOCK)
        return block
    except OSError as error:
        raise InputError(f"{uri}: cannot be read ({error}); check its rights and the disk") from None


def delete_files(uris: list[str]) -> None:
    """Deletes the files that are there; what is gone already is no error."""
    for uri in uris:
        store, path = open_filesystem(uri)
        if store.get_file_info(path).type == fs.FileType.File:
            store.delete_file(path)
