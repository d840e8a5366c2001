"""The files that other releases made of label text, by the digest of that text."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from oilake.jobs.ingesting.reuse import TEXT, Known
from oilake.jobs.tables import staging
from oilake.jobs.tables.slice_versions import LostRowsError
from oilake.jobs.tables.snapshots import PublishedFile, Snapshot, files

READERS = 8


def texts(warehouse: str, release: str, published: Mapping[str, Snapshot]) -> dict[str, Known]:
    """The files of `labels` of all other published releases whose text is known, by digest; a damaged one is no help."""
    pins = [pin for name, pin in published.items() if name != release]
    found = [file for pin in pins for file in _files(warehouse, pin)]
    with ThreadPoolExecutor(READERS) as pool:
        notes = pool.map(_notes, (file.uri for file in found))
    return {
        note[TEXT]: Known(file.uri, file.partition["origin"])
        for file, note in zip(found, notes, strict=True)
        if TEXT in note
    }


def _files(warehouse: str, pin: Snapshot) -> list[PublishedFile]:
    try:
        return files(warehouse, "labels", pin)
    except LostRowsError:
        return []


def _notes(uri: str) -> dict[str, str]:
    try:
        return staging.notes(uri)
    except (OSError, pa.ArrowInvalid):
        return {}
