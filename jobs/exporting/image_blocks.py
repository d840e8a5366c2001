"""The rows of chosen images in blocks: all rows of an image in one block, read from sorted files in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oilake.jobs.scanning.merge_scan import END, Side, aligned_chunks
from oilake.jobs.tables.row_batches import row_schema
from oilake.jobs.transforms.dropped_boxes import DroppedBox, leave_out
from oilake.jobs.transforms.image_ids import as_ids
from oilake.jobs.transforms.image_runs import ImageRuns, Numbers

Row = dict[str, Any]

# Rows of all tables in a block, and of each file read at a time.
BLOCK_ROWS, READ_ROWS = 1 << 16, 1 << 14


@dataclass(frozen=True)
class BlockPlan:
    """What the blocks of one subset are read from. `files`: URIs by table; `columns`: by table, beside image_id; `images`:
    the chosen ones, ascending; `mids`: only rows of these classes, of tables with a column mid; None: all."""

    subset: str
    files: Mapping[str, Sequence[str]]
    columns: Mapping[str, Sequence[str]]
    images: Numbers
    mids: frozenset[str] | None
    dropped: frozenset[DroppedBox]


@dataclass(frozen=True)
class ImageBlock:
    """Rows of some images of one subset by table, sorted by image_id, which is their first column."""

    subset: str
    tables: Mapping[str, pa.Table]

    def rows(self, table: str) -> list[Row]:
        """The rows of a table."""
        rows: list[Row] = self.tables[table].to_pylist()
        return rows

    def rows_by_image(self, table: str) -> dict[str, list[Row]]:
        """The rows of a table by image ID."""
        return {image: list(rows) for image, rows in groupby(self.rows(table), lambda row: row["image_id"])}


def read_blocks(plan: BlockPlan) -> Iterator[ImageBlock]:
    """Yield the blocks of a plan in the order of image IDs; StoreError names a file that cannot be read."""
    sides = {
        table: Side(tuple(uris), tuple(plan.columns[table]), READ_ROWS, is_plain=True)
        for table, uris in plan.files.items()
    }
    for chunk in aligned_chunks(sides, 0, END, BLOCK_ROWS):
        if "boxes" in chunk and plan.dropped:
            chunk = {**chunk, "boxes": leave_out(chunk["boxes"], plan.dropped)}
        tables = {table: _chosen_rows(chunk.get(table), table, plan) for table in sides}
        if any(len(rows) for rows in tables.values()):
            yield ImageBlock(plan.subset, tables)


def _chosen_rows(runs: ImageRuns | None, table: str, plan: BlockPlan) -> pa.Table:
    schema = pa.schema([row_schema(table).field(name) for name in ("image_id", *plan.columns[table])])
    if runs is None or not len(runs.images):
        return schema.empty_table()
    images = np.repeat(runs.images, runs.lengths)
    is_chosen = np.isin(images, plan.images)
    if plan.mids is not None and "mid" in runs.rows.column_names:
        is_chosen &= pc.is_in(runs.rows["mid"], value_set=pa.array(sorted(plan.mids))).to_numpy()
    places = np.flatnonzero(is_chosen)
    places = places[np.argsort(images[places], kind="stable")]
    rows = runs.rows.take(pa.array(places))
    arrays = [
        rows[name].cast(schema.field(name).type)
        if name in rows.column_names
        else pa.nulls(len(rows), schema.field(name).type)
        for name in plan.columns[table]
    ]
    return pa.table([as_ids(images[places]), *arrays], schema=schema)
