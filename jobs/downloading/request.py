"""What a run of the download wants, as its tasks get it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from oilake.conf.errors import ConfigError
from oilake.conf.placeholders import Placeholders
from oilake.conf.registry import SUBSETS
from oilake.conf.settings import DownloadSettings, FetchSettings
from oilake.conf.storage import Storage
from oilake.jobs.blobs import blob_keys, locations
from oilake.jobs.blobs.resize import EXTENSIONS, Resize
from oilake.jobs.transport.address_guard import without_secrets

Origin = Literal["original", "thumbnail", "cvdf", "other"]

CVDF = "s3://open-images-dataset"
BUCKET = "open-images-dataset"
IMAGE_ID = re.compile("[0-9a-f]{16}")
ARCHIVE = re.compile(r"(?:(train)_([0-9a-f])|(validation|test))\.tar\.gz")


@dataclass(frozen=True)
class DownloadRequest:
    """One run. `base`: the place that holds <subset>/<image_id>.jpg, or an archive, where the release's own addresses are
    not used; `mirror`: a server that is asked as <mirror>/<host>/<path> in place of every host; `tasks`: how many run at
    once. `is_open`: loopback, link-local and private addresses may be asked too. `is_anew`: what is there is asked for all
    the same, and replaced.
    """

    release: str
    run_id: str
    location: str
    source: Origin
    base: str | None
    mirror: str | None
    is_open: bool
    resize: Resize | None
    fetch: FetchSettings
    storage: Storage
    download: DownloadSettings
    placeholders: Placeholders
    tasks: int = 1
    is_anew: bool = False

    @property
    def archive(self) -> tuple[str, str] | None:
        """(subset, first digit of the image IDs or nothing) of CVDF's archive that is read; None where none is."""
        match = ARCHIVE.fullmatch((self.base or "").rpartition("/")[2])
        return (match[1] or match[3], match[2] or "") if match else None


def parse_origin(text: str) -> tuple[Origin, str | None]:
    """(where the bytes are from, the base of their addresses or None) of --from; ConfigError where it is no place."""
    if text in ("original", "thumbnail"):
        return ("original", None) if text == "original" else ("thumbnail", None)
    if text == "cvdf":
        return "cvdf", CVDF
    base, parts, shown = text.rstrip("/"), locations.address_parts("--from", text), without_secrets(text)
    if parts.scheme not in ("http", "https", "s3") or not parts.netloc:
        if base.endswith(".tar.gz") and "://" not in base:
            return ("cvdf", base) if ARCHIVE.fullmatch(base.rpartition("/")[2]) else _refuse_archive(shown)
        takes = "original, thumbnail, cvdf, an http(s) or s3 address, or one of CVDF's archives"
        raise ConfigError(f"--from {shown}: is no source of images; --from takes {takes}")
    if parts.username or parts.query or parts.fragment:
        raise ConfigError(f"--from {shown}: must be a plain address, with no user, no ? and no #")
    if base.endswith(".tar.gz"):
        return ("cvdf", base) if ARCHIVE.fullmatch(base.rpartition("/")[2]) else _refuse_archive(shown)
    return ("cvdf" if parts.scheme == "s3" and parts.netloc == BUCKET else "other"), base


def _refuse_archive(shown: str) -> tuple[Origin, str | None]:
    raise ConfigError(
        f"--from {shown}: archives must be named as CVDF's: train_0.tar.gz to train_f.tar.gz, validation, test"
    )


def parse_mirror(text: str | None) -> str | None:
    """The address of --mirror; ConfigError where it is none."""
    if text is None:
        return None
    parts = locations.address_parts("--mirror", text)
    if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc or parts.query:
        raise ConfigError(f"--mirror {without_secrets(text)}: --mirror takes an http(s) address without user and query")
    return text.rstrip("/")


def blob_key(row: Mapping[str, Any], resize: Resize | None) -> str:
    """The blob's name under the target: that of the blob which it is to replace, where there is one.

    ConfigError for what is no image ID or subset, such as a path.
    """
    if row["subset"] not in SUBSETS or not IMAGE_ID.fullmatch(row["image_id"]):
        raise ConfigError(f"{row['subset']!r}, {row['image_id']!r}: no subset and image ID; ingest the release again")
    replaced_key = row.get("blob_key")
    if (
        replaced_key is not None
        and blob_keys.is_plain(replaced_key)
        and blob_keys.image_id_in_key(replaced_key) == row["image_id"]
    ):
        return str(replaced_key)
    return f"{row['subset']}/{row['image_id']}.{EXTENSIONS[resize.format] if resize else 'jpg'}"


def image_address(row: Mapping[str, Any], order: DownloadRequest) -> str | None:
    """What is asked for an image; None where the release has no such address."""
    if order.base is not None:
        return f"{order.base}/{row['subset']}/{row['image_id']}.jpg"
    url: str | None = row["original_url"] if order.source == "original" else row["thumbnail_300k_url"]
    if url is None or order.mirror is None:
        return url
    parts = urlsplit(url)
    return f"{order.mirror}/{parts.netloc}{parts.path}" + (f"?{parts.query}" if parts.query else "")
