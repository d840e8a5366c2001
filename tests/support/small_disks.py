"""A disk of its own behind a folder, which can be made full and be given room again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOMY, FULL = "2g", "full"


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A disk of its own behind the folder, where the machine lets one be mounted; else the folder is like any other."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOMY}", "tmpfs", folder], capture_output=True)
    try:
        yield
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", "-l", folder], check=True)


def resize_disk(folder: Path, size: str) -> None:
    """Gives the disk another size; `FULL`: as many bytes as are on it."""
    if size == FULL:
        used = os.statvfs(folder)
        size = f"{(used.f_blocks - used.f_bfree) * used.f_frsize // 1024}k"
    subprocess.run(["mount", "-o", f"remount,size={size}", folder], check=True)
