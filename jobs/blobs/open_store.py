"""Where blobs are written: a folder, or a prefix on S3."""

from __future__ import annotations

from oilake.conf.errors import ConfigError
from oilake.conf.places import refuse_odd_folder
from oilake.conf.settings import FetchSettings
from oilake.conf.storage import Storage
from oilake.jobs.blobs import folder_store
from oilake.jobs.blobs.blob_store import BlobStore
from oilake.jobs.blobs.locations import address_parts
from oilake.jobs.transport.address_guard import without_secrets


def target_location(text: str) -> str:
    """The target of --to as the tables name it: an absolute path, or s3://bucket/prefix; ConfigError where it is neither."""
    if "://" not in text:
        refuse_odd_folder("to", text)
        return folder_store.absolute_folder(text)
    parts = address_parts("--to", text)
    if parts.scheme != "s3" or not parts.netloc or "@" in parts.netloc or parts.query or parts.fragment:
        shown = without_secrets(text)
        raise ConfigError(f"--to {shown}: images go to a folder or s3://bucket/prefix, without user, ? and #")
    return text.rstrip("/")


def open_blob_store(location: str, fetch: FetchSettings, storage: Storage) -> BlobStore:
    """The place behind a location that `location` gave."""
    if location.startswith("s3://"):
        from oilake.jobs.blobs import s3_store  # boto3 takes a while to import, and a folder needs none of it

        return s3_store.open_prefix(location, fetch, storage)
    return folder_store.open_folder(location)
