"""The files that other releases made of label text, by the digest of that text."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from jobs.reuse import TEXT
from jobs.tables import staging
from jobs.tables.snapshots import files, snapshots

READERS = 8


def texts(warehouse: str, release: str) -> dict[str, str]:
    """The files of `labels` of all other published releases whose text is known: digest -> file."""
    pins = [pin for name, pin in snapshots(warehouse).items() if name != release]
    uris = [file.uri for pin in pins for file in files(warehouse, "labels", pin)]
    with ThreadPoolExecutor(READERS) as pool:
        notes = pool.map(staging.notes, uris)
    return {note[TEXT]: uri for uri, note in zip(uris, notes, strict=True) if TEXT in note}
