"""What was seen of one blob, and what is expected of it."""

from __future__ import annotations

from typing import NamedTuple


class Blob(NamedTuple):
    """One blob as its listing tells it.

    `key`: its name under the location, for the table. `path`: what opens it (a path, an S3 key, a member's name).
    `version`: what tells this state of it from another (ETag, or mtime). `start`: where a tar's member begins, in bytes, or
    which member it is in a compressed one; None of what is no member. `problem`: why it cannot be opened at all.
    """

    key: str
    path: str
    size: int
    version: str
    etag: str | None = None
    start: int | None = None
    problem: str | None = None


class BlobFacts(NamedTuple):
    """What a look at a blob gave.

    `method`: full (all bytes hashed), etag, size, or listing (not looked at). `md5`: 32 hex digits, None when not known.
    `media_type`: None when the bytes were not read or are of no image. `problem`: why it could not be read.
    """

    method: str
    size: int | None
    md5: str | None = None
    media_type: str | None = None
    is_whole: bool | None = None
    width: int | None = None
    height: int | None = None
    note: str | None = None
    problem: str | None = None


class ExpectedImage(NamedTuple):
    """The image that a blob is named after, and what its release and its download say; None is unknown.

    `origin`: original, cvdf, thumbnail or other. `is_jpeg`: whether the original's address names a JPEG.
    `was_placeholder`: whether its download found Flickr's "photo unavailable" picture.
    """

    image_id: str
    subset: str
    size: int | None
    md5: str | None
    is_jpeg: bool
    origin: str
    was_placeholder: bool
