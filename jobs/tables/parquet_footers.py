"""What the footers of Parquet files tell: rows, and what their writers noted."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.parquet as pq

from oilake.conf.errors import StoreError
from oilake.jobs.runtime.filesystem import open_filesystem
from oilake.jobs.tables.repair_commands import unreadable_rows_error


def footer_notes(uri: str) -> dict[str, str]:
    """What its writer noted in a Parquet file's footer."""
    store, path = open_filesystem(uri)
    footer = pq.read_metadata(path, filesystem=store).metadata or {}
    return {key.decode(): value.decode() for key, value in footer.items() if key.startswith(b"oilake.")}


def footer_rows(uri: str) -> int:
    """The rows of a Parquet file; StoreError when it cannot be read."""
    store, path = open_filesystem(uri)
    try:
        return int(pq.read_metadata(path, filesystem=store).num_rows)
    except (OSError, pa.ArrowException) as error:
        raise unreadable_rows_error(uri, error) from None


def find_damaged(uris: Iterable[str]) -> StoreError | None:
    """Find the first file that is not there or whose footer cannot be read; None where there is none."""
    for uri in uris:
        try:
            footer_rows(uri)
        except StoreError as error:
            return error
    return None
