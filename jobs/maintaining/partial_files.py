"""Finds the beginnings of files that a fetch was to go on with and never did."""

from __future__ import annotations

from pyarrow.fs import FileSelector, FileType

from oilake.jobs.maintaining.removal import LooseFile
from oilake.jobs.runtime.filesystem import open_filesystem

ENDINGS = (".part", ".part.json")


def abandoned_files(landing: str, written_before: float) -> list[LooseFile]:
    """`<tag>/<file>.part` in the landing area, and the notes beside them, not touched since the cutoff (seconds since
    1970)."""
    store, root = open_filesystem(landing)
    lying = []
    for info in store.get_file_info(FileSelector(root, recursive=True, allow_not_found=True)):
        is_old = info.type == FileType.File and info.mtime.timestamp() < written_before
        if is_old and info.base_name.endswith(ENDINGS):
            lying.append(LooseFile(info.path, info.path, int(info.size), info.mtime.timestamp()))
    return lying
