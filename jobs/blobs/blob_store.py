"""What every place for blobs can do: they come to be whole or not at all, each with a receipt."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO


@dataclass(frozen=True)
class BlobReceipt:
    """What was written as a blob: MD5 (hex) and size of its bytes, where they are from, whether they were re-encoded."""

    md5: str
    bytes: int
    source: str
    is_resized: bool


@dataclass
class UnfinishedBlob:
    """A blob on its way; `stream` takes its bytes, and can be read again. `path`: its temporary name, if it has one."""

    key: str
    stream: BinaryIO
    path: str | None = None
    is_finished: bool = False


@dataclass(frozen=True)
class BlobStore:
    """One place for blobs.

    `sizes(keys)`: bytes of those that are there; the keys are sorted. `begin(key)`: a blob on its way, gone at the end of
    the block unless `finish(unfinished, receipt, is_noted)` gave it its name, in place of any other; `is_noted`: nothing
    but its receipt will tell whether it is whole. `receipt(key)`: what was noted of the blob there, None where nothing
    was. `forget(keys)`: the notes are needed no more. `md5(key)`: of the bytes there, hex. `put(key, data)`: a small file
    of another kind, whole. `sweep()`: removes what killed runs left; how many. `settle()`: what was finished before
    outlives the machine from now on.
    OSError or StoreError when the place cannot be read or written.
    """

    sizes: Callable[[list[str]], dict[str, int]]
    begin: Callable[[str], AbstractContextManager[UnfinishedBlob]]
    finish: Callable[[UnfinishedBlob, BlobReceipt, bool], None]
    receipt: Callable[[str], BlobReceipt | None]
    forget: Callable[[Iterable[str]], None]
    md5: Callable[[str], str]
    put: Callable[[str, bytes], None]
    sweep: Callable[[], int]
    settle: Callable[[], None]
