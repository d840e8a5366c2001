"""Checksums of landed files, without hashing a file again that was hashed before and has not changed since."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from oilake.jobs.runtime.fetch_receipt import load_receipt
from oilake.jobs.runtime.filesystem import Checksums, file_checksums

# A file that was written so shortly before may be written again without its time telling.
SETTLED_NS = 2_000_000_000


class SettledState(NamedTuple):
    """What a file's bytes cannot change without: its path, inode, size in bytes and time (ns)."""

    path: str
    inode: int
    bytes: int
    mtime_ns: int


_checksums_by_state: dict[SettledState, Checksums] = {}
_lock = Lock()


def landed_checksums(uri: str) -> Checksums:
    """Size, SHA-256 and MD5 of the file at `uri`: by its receipt where it was fetched and is untouched, by an earlier call
    of this process (several releases share files), else by reading it. On S3 it is always read."""
    state = _file_state(uri)
    if state is None:
        return file_checksums(uri)
    receipt = load_receipt(Path(uri))
    if receipt and (receipt.bytes, receipt.mtime_ns) == (state.bytes, state.mtime_ns):
        return Checksums(receipt.bytes, receipt.sha256, receipt.md5)
    with _lock:
        remembered = _checksums_by_state.get(state)
    if remembered:
        return remembered
    checksums = file_checksums(uri)
    if _file_state(uri) == state and time.time_ns() - state.mtime_ns > SETTLED_NS:
        with _lock:
            _checksums_by_state[state] = checksums
    return checksums


def _file_state(uri: str) -> SettledState | None:
    """The state of a local file; None of what is none."""
    if "://" in uri:
        return None
    try:
        stat = Path(uri).stat()
    except OSError:
        return None
    return SettledState(str(uri), stat.st_ino, stat.st_size, stat.st_mtime_ns)
