"""The boxes that corrections leave out of a release."""

from __future__ import annotations

from oilake.jobs.tables.slice_files import small_rows
from oilake.jobs.tables.snapshots import Snapshot
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms.dropped_boxes import DroppedBox, dropped_boxes
from oilake.jobs.transforms.words import CORRECTIONS


def read_dropped_boxes(warehouse: Warehouse, snapshot: Snapshot) -> dict[str, frozenset[DroppedBox]]:
    """By subset the boxes that applied corrections leave out; none of a release that was never corrected."""
    if CORRECTIONS not in snapshot.table_versions:
        return {}
    return dropped_boxes(small_rows(warehouse, CORRECTIONS, snapshot))
