"""One process at a time: a lock beside a file or a folder that is being written."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


class HeldLockError(Exception):
    """A living process holds the lock; `holder`: its ID, or that it is not known."""

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Hold the lock at `path`; HeldLockError where a living process does, OSError where nothing can be locked there.

    The kernel's lock on the file counts, not the file: it ends with its process, so nothing stale is ever in the way.
    """
    lock = FileLock(path, blocking=False, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        path.touch()  # which tells why where nothing can be made
        raise HeldLockError((path.read_text() if path.exists() else "") or "unknown") from None
    except NotImplementedError:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK), str(path)) from None
    try:
        path.write_text(str(os.getpid()))
        yield
    finally:
        path.unlink(missing_ok=True)
        lock.release()
