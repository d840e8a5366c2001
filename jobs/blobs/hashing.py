"""One pass over a blob's bytes: its size, its MD5, and what its two ends tell. Memory is that of one chunk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from oilake.jobs.blobs import image_formats
from oilake.jobs.blobs.image_formats import Chunk
from oilake.jobs.blobs.records import BlobFacts


def inspect_bytes(chunks: Iterable[Chunk]) -> BlobFacts:
    """The facts of all bytes; the first chunk holds a header whole, each may be overwritten once the next is asked for."""
    md5, size, head, tail = hashlib.md5(usedforsecurity=False), 0, b"", b""
    kind, sides = None, None
    for chunk in chunks:
        if not size:
            head = bytes(chunk[: image_formats.TAIL])
            kind = image_formats.image_kind(head)
            sides = image_formats.image_sides(kind, chunk) if kind else None
        md5.update(chunk)
        size += len(chunk)
        tail = (tail + bytes(chunk[-image_formats.TAIL :]))[-image_formats.TAIL :]
    is_whole = image_formats.is_whole(kind, head, size, tail) if kind else None
    return BlobFacts("full", size, md5.hexdigest(), kind, is_whole, *(sides or (None, None)))
