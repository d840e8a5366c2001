"""What lies at a location, as a stream: a folder's files, a tar's members, the objects under a prefix on S3."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from heapq import heappop, heappush
from pathlib import Path

from oilake.conf.errors import InputError
from oilake.conf.settings import FetchSettings
from oilake.conf.storage import Storage
from oilake.jobs.blobs.blob_keys import is_hidden
from oilake.jobs.blobs.locations import Location
from oilake.jobs.blobs.records import Blob
from oilake.jobs.sources import tar_members

LINK = "a link or another special file, not a file of its own"
LISTED = "a link to a folder that is listed elsewhere, or in which this place lies; it was not followed"


def list_blobs(location: Location, fetch: FetchSettings, storage: Storage) -> Iterator[Blob]:
    """Every blob but hidden ones, in no promised order; InputError where the place cannot be listed to its end."""
    if location.kind == "s3":
        from oilake.jobs.blobs import s3_reader  # boto3 takes a while to import, and a folder needs none of it

        return s3_reader.list_objects(location, fetch, storage)
    return _archive_blobs(location.uri) if location.is_archive else _folder_blobs(location.uri)


def _folder_blobs(folder: str) -> Iterator[Blob]:
    """Linked folders are followed, after all others, each folder once, and none that the place itself lies in.

    What cannot be listed or is not followed is a blob with a problem; its key ends with a slash where it is a folder.
    """
    try:
        os.scandir(folder).close()
        visited = _parent_folders(folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot be listed ({error.strerror}); check its rights and the disk") from None
    waiting, linked = [("", folder)], list[tuple[str, str]]()
    while waiting or linked:
        key, path = waiting.pop() if waiting else heappop(linked)
        try:
            identity = _folder_identity(path)
            if identity in visited:
                yield Blob(_printable_name(key.rstrip("/")), path, 0, "", problem=LISTED)
                continue
            visited.add(identity)
            with os.scandir(path) as entries:
                for entry in entries:
                    is_folder = _is_folder(entry)
                    below = f"{key}{entry.name}" + "/" * is_folder
                    if is_hidden(below):
                        continue
                    if not is_folder:
                        yield _file_blob(below, entry)
                    elif entry.is_symlink():
                        heappush(linked, (below, entry.path))
                    else:
                        waiting.append((below, entry.path))
        except OSError as error:
            yield Blob(
                _printable_name(key), path, 0, "", problem=f"it cannot be listed: {error.strerror}; check its rights"
            )


def _parent_folders(folder: str) -> set[tuple[int, int]]:
    """The folders that a place lies in: a link to one of them leads around it, or to all of the disk."""
    real = os.path.realpath(folder)
    return {_folder_identity(path) for path in map(str, Path(real).parents)}


def _folder_identity(path: str) -> tuple[int, int]:
    folder_stat = os.stat(path)
    return folder_stat.st_dev, folder_stat.st_ino


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _printable_name(name: str) -> str:
    return os.fsencode(name).decode(errors="backslashreplace")


def _file_blob(name: str, entry: os.DirEntry[str]) -> Blob:
    key = _printable_name(name)
    try:
        file_stat = entry.stat()
    except OSError as error:
        return Blob(key, entry.path, 0, "", problem=error.strerror)
    version = f"mtime {file_stat.st_mtime_ns}"
    problem = None if stat.S_ISREG(file_stat.st_mode) else f"no regular file but a {_special_kind(file_stat.st_mode)}"
    return Blob(key, entry.path, file_stat.st_size, version, problem=problem)


def _special_kind(mode: int) -> str:
    return {stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket"}.get(stat.S_IFMT(mode), "device")


def _archive_blobs(path: str) -> Iterator[Blob]:
    archive_stat = os.stat(path)
    version = f"mtime {archive_stat.st_mtime_ns} of {archive_stat.st_size} bytes"
    for member in tar_members.list_members(path):
        if not is_hidden(member.name):
            key = member.name.encode(errors="surrogateescape").decode(errors="backslashreplace")
            problem = None if member.is_file else LINK
            yield Blob(key, path, member.size, version, start=member.start, problem=problem)
