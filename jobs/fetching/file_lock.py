"""One fetch of a file at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from oilake.jobs.transport.source import RefusedError


@contextmanager
def hold_file_lock(target: Path) -> Iterator[None]:
    """Hold `<target>.lock`; RefusedError where a living process holds it.

    The kernel's lock on the file counts, not the file: it ends with its process, so nothing stale is ever in the way.
    """
    path = target.with_name(f"{target.name}.lock")
    lock = FileLock(path, blocking=False, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        holder = path.read_text() if path.exists() else ""
        raise RefusedError(f"another fetch (process {holder or 'unknown'}) is bringing it", tries=0) from None
    try:
        path.write_text(str(os.getpid()))
        yield
    finally:
        path.unlink(missing_ok=True)
        lock.release()
