"""Blobs in a folder: `.<image_id>.<random>.part`, then a receipt `.<image_id>.json`, then the rename."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import fcntl
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import BinaryIO

from oilake.conf.errors import ConfigError
from oilake.jobs.blobs.blob_store import BlobReceipt, BlobStore, UnfinishedBlob

BLOCK = 1 << 20
PART, NOTE = ".part", ".json"
UNFINISHED = re.compile(r"\..*\.[0-9a-f]{8}\.part", re.DOTALL)
ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)  # a link to itself is no blob, and is replaced by one


def absolute_folder(text: str) -> str:
    """The folder's absolute path; ConfigError where a file stands there."""
    path = os.path.abspath(text)
    if os.path.exists(path) and not os.path.isdir(path):
        raise ConfigError(f"{path}: is a file; --to takes a folder or s3://bucket/prefix")
    return path


def open_folder(root: str) -> BlobStore:
    """The blobs under the folder `root`."""
    return BlobStore(
        partial(_blob_sizes, root),
        partial(_begin_blob, root),
        partial(_finish_blob, root),
        partial(_read_receipt, root),
        partial(_delete_receipts, root),
        partial(_blob_md5, root),
        partial(_write_small_file, root),
        partial(_sweep_unfinished, root),
        partial(_sync_disk, root),
    )


def _blob_sizes(root: str, keys: list[str]) -> dict[str, int]:
    sizes = {}
    for key in keys:
        try:
            sizes[key] = os.stat(f"{root}/{key}").st_size
        except OSError as error:
            if error.errno not in ABSENT:
                raise
    return sizes


@contextmanager
def _begin_blob(root: str, key: str) -> Iterator[UnfinishedBlob]:
    folder, name = os.path.split(f"{root}/{key}")
    path = f"{folder}/.{name.partition('.')[0]}.{secrets.token_hex(4)}{PART}"
    with _create_file(path) as stream:
        # While this process lives nobody takes the file for a dead one's.
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        unfinished = UnfinishedBlob(key, stream, path)
        try:
            yield unfinished
        finally:
            if not unfinished.is_finished:
                os.unlink(path)


def _create_file(path: str) -> BinaryIO:
    try:
        return open(path, "x+b")
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return open(path, "x+b")


def _finish_blob(root: str, unfinished: UnfinishedBlob, receipt: BlobReceipt, is_noted: bool) -> None:
    """The receipt comes first: a blob without a row always has one, unless the release itself tells its MD5."""
    assert unfinished.path is not None
    target = f"{root}/{unfinished.key}"
    unfinished.stream.flush()
    if is_noted:
        with open(_receipt_path(target), "w") as note:
            json.dump(dataclasses.asdict(receipt), note)
    os.replace(unfinished.path, target)
    unfinished.is_finished = True


def _sync_disk(root: str) -> None:
    """Once for many blobs: a sync each would cost more than all the rest of the writing."""
    os.sync()


def _read_receipt(root: str, key: str) -> BlobReceipt | None:
    try:
        with open(_receipt_path(f"{root}/{key}")) as note:
            return BlobReceipt(**json.load(note))
    except (OSError, ValueError, TypeError):
        return None


def _delete_receipts(root: str, keys: Iterable[str]) -> None:
    for key in keys:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(_receipt_path(f"{root}/{key}"))


def _blob_md5(root: str, key: str) -> str:
    md5 = hashlib.md5(usedforsecurity=False)
    with open(f"{root}/{key}", "rb") as stream:
        while block := stream.read(BLOCK):
            md5.update(block)
    return md5.hexdigest()


def _write_small_file(root: str, key: str, data: bytes) -> None:
    with _begin_blob(root, key) as unfinished:
        unfinished.stream.write(data)
        unfinished.stream.flush()
        os.fsync(unfinished.stream.fileno())
        assert unfinished.path is not None
        os.replace(unfinished.path, f"{root}/{key}")
        unfinished.is_finished = True


def _sweep_unfinished(root: str) -> int:
    """Removes the temporary files that no living process holds; a repair may have written into any folder."""
    count, waiting = 0, [root]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif UNFINISHED.fullmatch(entry.name):
                    count += _remove_dead(entry.path)
    return count


def _remove_dead(path: str) -> bool:
    with contextlib.suppress(OSError), open(path, "r+b") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(path)
        return True
    return False


def _receipt_path(target: str) -> str:
    folder, name = os.path.split(target)
    return f"{folder}/.{name.partition('.')[0]}{NOTE}"
