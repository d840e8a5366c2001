"""Which of the wanted images are there already, whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from oilake.jobs.blobs.blob_store import BlobStore
from oilake.jobs.downloading.outcome import DOWNLOADED, ImageOutcome
from oilake.jobs.downloading.request import DownloadRequest, blob_key

Row = Mapping[str, Any]


def find_present(
    rows: Sequence[Row], order: DownloadRequest, store: BlobStore
) -> tuple[list[tuple[Row, ImageOutcome]], list[Row], int, int]:
    """(images that are there whole and have no row yet, those to ask for, how many are there with a row, and how many of
    these are of another source or size than asked for)."""
    if order.is_anew:
        return [], list(rows), 0, 0
    sizes = store.sizes(sorted(blob_key(row, order.resize) for row in rows))
    unrecorded, to_download, present, different = [], [], [], 0
    for row in rows:
        size = sizes.get(blob_key(row, order.resize))
        if size is None or not size:
            to_download.append(row)
        elif size == row["known_bytes"]:
            present.append(blob_key(row, order.resize))
            different += row["known_source"] != order.source or bool(row["known_is_resized"]) > (
                order.resize is not None
            )
        elif image_outcome := _unrecorded_outcome(row, size, order, store):
            unrecorded.append((row, image_outcome))
        else:
            to_download.append(row)
    store.forget(present)  # a run that was killed after its commit has left these receipts
    return unrecorded, to_download, len(present), different


def _unrecorded_outcome(row: Row, size: int, order: DownloadRequest, store: BlobStore) -> ImageOutcome | None:
    """A blob that a killed run finished, or that is the very original, as its MD5 shows; None for any other."""
    name = blob_key(row, order.resize)
    receipt = store.receipt(name)
    if receipt and receipt.source == order.source and receipt.bytes == size and store.md5(name) == receipt.md5:
        return ImageOutcome(DOWNLOADED, bytes=size, md5=receipt.md5, is_resized=receipt.is_resized)
    published = (row["original_size"], row["original_md5"])
    is_comparable = order.source == "original" and None not in published
    if is_comparable and published[0] == size and store.md5(name) == published[1]:
        return ImageOutcome(DOWNLOADED, bytes=size, md5=published[1])
    return None
