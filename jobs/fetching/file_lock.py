"""One fetch of a file at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from oilake.jobs.transport.source import RefusedError


@contextmanager
def hold_file_lock(target: Path) -> Iterator[None]:
    """Holds `<target>.lock`; RefusedError where a living process holds it.

    The kernel's lock on the file counts, not the file: it ends with its process, so nothing stale is ever in the way.
    """
    path = target.with_name(f"{target.name}.lock")
    with _take_lock(path) as handle:
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _take_lock(path: Path) -> TextIO:
    while True:
        handle = path.open("a+")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with handle:
                handle.seek(0)
                holder = handle.read() or "unknown"
                raise RefusedError(f"another fetch (process {holder}) is bringing it", tries=0) from None
        if path.exists() and os.path.samestat(os.fstat(handle.fileno()), path.stat()):
            return handle
        handle.close()  # its holder removed it between our open and our lock
