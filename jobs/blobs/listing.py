"""What lies at a location, as a stream: a folder's files, a tar's members, the objects under a prefix on S3."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from conf.errors import InputError
from conf.settings import Fetch
from jobs.blobs.facts import Blob
from jobs.blobs.locations import Location
from jobs.blobs.names import is_hidden
from jobs.sources import tars

LINK = "a link or another special file, not a file of its own"


def listed(location: Location, fetch: Fetch) -> Iterator[Blob]:
    """Every blob but hidden ones, in no promised order; InputError where the place cannot be listed to its end."""
    if location.kind == "s3":
        from jobs.blobs import objects  # boto3 takes a while to import, and a folder needs none of it

        return objects.listed(location, fetch)
    return _members(location.uri) if location.is_archive else _files(location.uri)


def _files(folder: str) -> Iterator[Blob]:
    """Linked folders are followed, each folder once."""
    waiting, seen = [("", folder)], set[tuple[int, int]]()
    while waiting:
        prefix, path = waiting.pop()
        try:
            found = os.stat(path)
            if (found.st_dev, found.st_ino) in seen:
                continue
            seen.add((found.st_dev, found.st_ino))
            with os.scandir(path) as entries:
                for entry in entries:
                    key = f"{prefix}{entry.name}" + "/" * entry.is_dir()
                    if is_hidden(key):
                        continue
                    if entry.is_dir():
                        waiting.append((key, entry.path))
                    else:
                        yield _file(key, entry)
        except OSError as error:
            raise InputError(f"{path}: cannot be listed ({error.strerror}); check its rights and the disk") from None


def _file(name: str, entry: os.DirEntry[str]) -> Blob:
    key = os.fsencode(name).decode(errors="backslashreplace")
    try:
        found = entry.stat()
    except OSError as error:
        return Blob(key, entry.path, 0, "", problem=error.strerror)
    version = f"mtime {found.st_mtime_ns}"
    problem = None if stat.S_ISREG(found.st_mode) else "no regular file"
    return Blob(key, entry.path, found.st_size, version, problem=problem)


def _members(path: str) -> Iterator[Blob]:
    found = os.stat(path)
    version = f"mtime {found.st_mtime_ns} of {found.st_size} bytes"
    for member in tars.members(path):
        if not is_hidden(member.name):
            key = member.name.encode(errors="surrogateescape").decode(errors="backslashreplace")
            problem = None if member.is_file else LINK
            yield Blob(key, path, member.size, version, start=member.start, problem=problem)
