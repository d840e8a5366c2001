"""One pass over a blob's bytes: its size, its MD5, and what its two ends tell. Memory is that of one chunk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from jobs.blobs import formats
from jobs.blobs.facts import Facts
from jobs.blobs.formats import Chunk


def look(chunks: Iterable[Chunk]) -> Facts:
    """The facts of all bytes; the first chunk holds a header whole, each may be overwritten once the next is asked for."""
    md5, size, head, tail = hashlib.md5(usedforsecurity=False), 0, b"", b""
    kind, sides = None, None
    for chunk in chunks:
        if not size:
            head = bytes(chunk[: formats.TAIL])
            kind = formats.kind(head)
            sides = formats.sides(kind, chunk) if kind else None
        md5.update(chunk)
        size += len(chunk)
        tail = (tail + bytes(chunk[-formats.TAIL :]))[-formats.TAIL :]
    is_whole = formats.is_whole(kind, head, size, tail) if kind else None
    return Facts("full", size, md5.hexdigest(), kind, is_whole, *(sides or (None, None)))
