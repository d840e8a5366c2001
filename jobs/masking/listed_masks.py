"""The rows of `masks` that belong to one zip, found by the names of their PNGs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa

from oilake.jobs.blobs.mask_pictures import MaskBox

EDGES = ("x_min", "x_max", "y_min", "y_max")
ROW_COLUMNS = ("mask_path", "image_id", "mid", "box_id")
BATCH = 1 << 14

Row = dict[str, Any]


class ListedMask(NamedTuple):
    """A row of `masks`: what is taken over of it, and its box."""

    columns: Row
    box: MaskBox


@dataclass(frozen=True)
class ListedMasks:
    """The rows of `masks` that belong to a zip, columns as ROW_COLUMNS and EDGES, sorted by name; `places`: of each name's
    first row. Kept as Arrow: the largest zip has 170,000."""

    rows: pa.Table
    places: dict[str, int]

    @classmethod
    def of(cls, rows: pa.Table) -> ListedMasks:
        """The rows in any order."""
        ordered = rows.sort_by("mask_path").combine_chunks()
        names = ordered["mask_path"].to_pylist()
        return cls(ordered, {names[n]: n for n in range(len(names) - 1, -1, -1)})

    def named(self, name: str) -> list[ListedMask]:
        """The rows of one name, which may stand twice; none where it is not listed."""
        start = self.places.get(name)
        if start is None:
            return []
        stop = start + 1
        while stop < len(self.rows) and self.rows["mask_path"][stop].as_py() == name:
            stop += 1
        return _as_masks(self.rows.slice(start, stop - start))

    def without(self, names: Mapping[str, int]) -> Iterator[ListedMask]:
        """The rows whose names are none of these."""
        for batch in self.rows.to_batches(BATCH):
            yield from (mask for mask in _as_masks(batch) if mask.columns["mask_path"] not in names)


def _as_masks(rows: pa.Table | pa.RecordBatch) -> list[ListedMask]:
    return [
        ListedMask({name: row[name] for name in ROW_COLUMNS}, MaskBox(*(row[edge] for edge in EDGES)))
        for row in rows.to_pylist()
    ]
