"""A small file an image, in one folder: as few calls of the system as there can be, for there are millions of them."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

WriteFile = Callable[[str, bytes], None]


@contextmanager
def open_folder(folder: Path, suffix: str) -> Iterator[WriteFile]:
    """Makes a folder and yields what writes `<image_id><suffix>` in it, once an image; OSError where that fails."""
    folder.mkdir(parents=True)
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)

    def write_file(image_id: str, content: bytes) -> None:
        name = f"{image_id}{suffix}"
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=place)
        try:
            if os.write(file, content) < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder / name))
        finally:
            os.close(file)

    try:
        yield write_file
    finally:
        os.close(place)
