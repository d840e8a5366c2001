"""Which of the wanted images are there already, whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from oilake.jobs.blobs.blob_store import Store
from oilake.jobs.downloading.outcome import DOWNLOADED, Outcome
from oilake.jobs.downloading.request import Order, key

Row = Mapping[str, Any]


def look(rows: Sequence[Row], order: Order, store: Store) -> tuple[list[tuple[Row, Outcome]], list[Row], int, int]:
    """(images that are there whole and have no row yet, those to ask for, how many are there with a row, and how many of
    these are of another source or size than asked for)."""
    if order.is_anew:
        return [], list(rows), 0, 0
    sizes = store.sizes(sorted(key(row, order.resize) for row in rows))
    unrecorded, wanted, present, other = [], [], [], 0
    for row in rows:
        size = sizes.get(key(row, order.resize))
        if size is None or not size:
            wanted.append(row)
        elif size == row["known_bytes"]:
            present.append(key(row, order.resize))
            other += row["known_source"] != order.source or bool(row["known_is_resized"]) > (order.resize is not None)
        elif there := _unrecorded(row, size, order, store):
            unrecorded.append((row, there))
        else:
            wanted.append(row)
    store.forget(present)  # a run that was killed after its commit has left these receipts
    return unrecorded, wanted, len(present), other


def _unrecorded(row: Row, size: int, order: Order, store: Store) -> Outcome | None:
    """A blob that a killed run finished, or that is the very original, as its MD5 shows; None for any other."""
    name = key(row, order.resize)
    receipt = store.receipt(name)
    if receipt and receipt.source == order.source and receipt.bytes == size and store.md5(name) == receipt.md5:
        return Outcome(DOWNLOADED, bytes=size, md5=receipt.md5, is_resized=receipt.is_resized)
    known = (row["original_size"], row["original_md5"])
    is_comparable = order.source == "original" and None not in known
    if is_comparable and known[0] == size and store.md5(name) == known[1]:
        return Outcome(DOWNLOADED, bytes=size, md5=known[1])
    return None
