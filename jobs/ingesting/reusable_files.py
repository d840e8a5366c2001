"""The files that other releases made of label text, by the digest of that text."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from oilake.jobs.ingesting.reuse import TEXT_NOTE, ReusableFile
from oilake.jobs.tables import parquet_footers
from oilake.jobs.tables.slice_files import PublishedFile, published_files
from oilake.jobs.tables.slice_versions import LostRowsError
from oilake.jobs.tables.snapshots import Snapshot
from oilake.jobs.tables.warehouse import Warehouse

READERS = 8


def find_reusable(warehouse: Warehouse, release: str, published: Mapping[str, Snapshot]) -> dict[str, ReusableFile]:
    """The files of `labels` of all other published releases whose text is known, by digest; a damaged one is no help."""
    pins = [pin for name, pin in published.items() if name != release]
    label_files = [file for pin in pins for file in _label_files(warehouse, pin)]
    with ThreadPoolExecutor(READERS) as pool:
        notes = pool.map(read_notes, (file.uri for file in label_files))
    return {
        note[TEXT_NOTE]: ReusableFile(file.uri, file.partition["origin"])
        for file, note in zip(label_files, notes, strict=True)
        if TEXT_NOTE in note
    }


def _label_files(warehouse: Warehouse, pin: Snapshot) -> list[PublishedFile]:
    try:
        return published_files(warehouse, "labels", pin)
    except LostRowsError:
        return []


def read_notes(uri: str) -> dict[str, str]:
    """What its writer noted in a Parquet file's footer; nothing where that cannot be read."""
    try:
        return parquet_footers.footer_notes(uri)
    except (OSError, pa.ArrowInvalid):
        return {}
