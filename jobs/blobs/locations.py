"""The place of blobs as a person names it: a folder, a tar archive, or a prefix on S3."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from oilake.conf.errors import ConfigError
from oilake.conf.places import refuse_odd_folder
from oilake.jobs.sources import tar_members
from oilake.jobs.transport.address_guard import without_secrets

Kind = Literal["folder", "tar", "tar.gz", "s3"]

CVDF_BUCKET = "open-images-dataset"


@dataclass(frozen=True)
class Location:
    """`uri`: an absolute path, or s3://bucket/prefix without a slash at its end, as the tables name it."""

    kind: Kind
    uri: str

    @property
    def is_archive(self) -> bool:
        """Whether it is a tar archive."""
        return self.kind in ("tar", "tar.gz")

    @property
    def id(self) -> str:
        """12 hex digits that stand for the location where it is a partition's value."""
        return hashlib.sha256(self.uri.encode()).hexdigest()[:12]

    @property
    def bucket(self) -> str:
        """The bucket of a place on S3."""
        return urlsplit(self.uri).netloc

    @property
    def prefix(self) -> str:
        """What the names of a place on S3 begin with; with a slash at its end, or empty."""
        path = urlsplit(self.uri).path.strip("/")
        return f"{path}/" if path else ""

    @property
    def is_cvdf(self) -> bool:
        """Whether it is the public bucket, whose images CVDF re-encoded."""
        return self.kind == "s3" and self.bucket == CVDF_BUCKET


def canonical_location(text: str) -> str:
    """The location as the tables write it; it need not be there."""
    return text.rstrip("/") if "://" in text else os.path.abspath(text)


def address_parts(flag: str, text: str) -> SplitResult:
    """The parts of the address that a flag gives; ConfigError where it is none."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ConfigError(f"{flag}: its address has a host or a port that is none; correct it") from None
    return parts


def locate_blobs(text: str) -> Location:
    """The place behind --blobs; ConfigError where there is none, or the address is not plain."""
    if text.startswith("s3://"):
        parts = address_parts("--blobs", text)
        if parts.query or parts.fragment or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.\-_]*", parts.netloc):
            shown = without_secrets(text)
            raise ConfigError(f"--blobs {shown}: must be plain, s3://bucket/prefix without user, ? and #")
        if text.endswith((".tar", ".tar.gz", ".tgz")):
            raise ConfigError(f"{text}: archives are read from disk; fetch it and give --blobs the file")
        return Location("s3", canonical_location(text))
    if "://" in text:
        shown = without_secrets(text)
        raise ConfigError(f"--blobs {shown}: is no such place; it takes a folder, a tar archive or s3://bucket/prefix")
    refuse_odd_folder("blobs", text)
    path = canonical_location(text)
    if Path(path).is_dir():
        return Location("folder", path)
    if Path(path).is_file():
        return Location("tar.gz" if tar_members.is_compressed(path) else "tar", path)
    raise ConfigError(f"{path}: no such folder or archive; --blobs takes a folder, a tar archive or s3://bucket/prefix")
