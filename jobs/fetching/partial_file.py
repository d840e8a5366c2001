"""A file on its way: `<name>.part`, and `<name>.part.json` that says of which version its bytes are."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from oilake.jobs.fetching import receipts
from oilake.jobs.runtime.fetch_receipt import Receipt
from oilake.jobs.transport.source import RefusedError, Version, range_validator

READ_BYTES = 1 << 20


@dataclass
class PartialFile:
    """The bytes of one version that are there, with their checksums; `tell` hears how many came or went."""

    target: Path
    url: str
    handle: BinaryIO
    tell: Callable[[int], None]
    version: Version | None = None
    bytes: int = 0
    resumed: bool = False
    sha256: Any = field(default_factory=hashlib.sha256)
    md5: Any = field(default_factory=lambda: hashlib.md5(usedforsecurity=False))


def partial_size(target: Path) -> int:
    """Bytes of `target` that an earlier run left."""
    path = _part_path(target)
    return path.stat().st_size if path.exists() else 0


@contextmanager
def open_partial(target: Path, url: str, tell: Callable[[int], None]) -> Iterator[PartialFile]:
    """The part of `target`, with what an earlier run left of it; RefusedError where it cannot be written."""
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(_part_path(target), os.O_RDWR | os.O_CREAT, 0o666)
    with open(descriptor, "r+b", buffering=0) as handle:
        part = PartialFile(target, url, handle, tell, _left_version(target, url))
        while block := handle.read(READ_BYTES):
            _count_block(part, block)
        if part.version is None:
            restart_partial(part, None)
        yield part


def append_block(part: PartialFile, block: bytes) -> None:
    """Adds bytes; RefusedError when the disk does not take them."""
    try:
        written = 0
        while written < len(block):
            written += part.handle.write(block[written:])
    except OSError as error:
        raise RefusedError(
            f"{_part_path(part.target)} cannot be written ({error.strerror}); make room or check its rights"
        ) from None
    _count_block(part, block)
    part.tell(len(block))


def restart_partial(part: PartialFile, version: Version | None) -> None:
    """Forgets all bytes; those to come are of `version`."""
    part.tell(-part.bytes)
    part.handle.seek(0)
    part.handle.truncate(0)
    # On the disk too, before the new version is: else a crash here leaves old bytes under the new name.
    os.fsync(part.handle.fileno())
    part.version, part.bytes, part.resumed = version, 0, False
    part.sha256, part.md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    if version:
        receipts.write_json(_note_path(part.target), {"url": part.url, **dataclasses.asdict(version)})


def publish_file(part: PartialFile) -> Receipt:
    """Gives the whole file its name; the receipt is there first, so that no fetched file is without one."""
    os.fsync(part.handle.fileno())
    version, now = part.version or Version(), datetime.datetime.now(datetime.timezone.utc)
    sums = (part.bytes, part.sha256.hexdigest(), part.md5.hexdigest())
    mtime = os.fstat(part.handle.fileno()).st_mtime_ns
    receipt = Receipt(part.url, *sums, version.etag, version.last_modified, now.isoformat(timespec="seconds"), mtime)
    receipts.save_receipt(part.target, receipt)
    _part_path(part.target).replace(part.target)
    _sync_folder(part.target.parent)
    _note_path(part.target).unlink(missing_ok=True)
    return receipt


def _count_block(part: PartialFile, block: bytes) -> None:
    part.sha256.update(block)
    part.md5.update(block)
    part.bytes += len(block)


def _left_version(target: Path, url: str) -> Version | None:
    """The version of the bytes that are there; None where they are of another address or cannot be told apart."""
    try:
        note = json.loads(_note_path(target).read_bytes())
        noted_version = Version(**{key: value for key, value in note.items() if key != "url"})
        return noted_version if note["url"] == url and range_validator(noted_version) else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _part_path(target: Path) -> Path:
    return target.with_name(f"{target.name}.part")


def _note_path(target: Path) -> Path:
    return target.with_name(f"{target.name}.part.json")
