"""The rows of chosen images in blocks: all rows of an image in one block, read from sorted files in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oilake.jobs.scanning.merge_scan import END, Side, aligned_chunks
from oilake.jobs.tables.row_batches import row_schema
from oilake.jobs.transforms.dropped_boxes import DroppedBox, leave_out
from oilake.jobs.transforms.image_ids import as_ids, as_numbers
from oilake.jobs.transforms.image_runs import Counts, ImageRuns, Numbers, are_among

Row = dict[str, Any]

# Rows of all tables in a block, and of each file read at a time.
BLOCK_ROWS, READ_ROWS = 1 << 16, 1 << 14


@dataclass(frozen=True)
class BlockPlan:
    """What the blocks of one subset are read from. `files`: URIs by table; `columns`: by table, beside image_id; `images`:
    the chosen ones, ascending; `mids`: only rows of these classes, of tables with a column mid; None: all; `low`: images
    below it are not read."""

    subset: str
    files: Mapping[str, Sequence[str]]
    columns: Mapping[str, Sequence[str]]
    images: Numbers
    mids: frozenset[str] | None
    dropped: frozenset[DroppedBox]
    low: int = 0


class RowSpan(NamedTuple):
    """Which rows of a table are of one image: from `start` up to, without, `stop`."""

    start: int
    stop: int


@dataclass(frozen=True)
class ImageBlock:
    """Rows of some images of one subset by table, sorted by image_id, which is their first column."""

    subset: str
    tables: Mapping[str, pa.Table]

    @cached_property
    def image_ids(self) -> list[str]:
        """The images that the block has a row of `images` of."""
        ids: list[str] = self.tables["images"]["image_id"].to_pylist()
        return ids

    @cached_property
    def image_numbers(self) -> Numbers:
        """The same as numbers, ascending."""
        return row_images(self.tables["images"])

    def row_starts(self, rows: pa.Table) -> pa.Array:
        """Where the rows of each of `image_ids` begin among rows of the block, which are sorted by image_id, and where the
        last of them end; shape (images + 1,)."""
        starts = np.searchsorted(row_images(rows), self.image_numbers)
        return pa.array(np.append(starts, len(rows)).astype(np.int32))

    def row_spans(self, rows: pa.Table) -> list[RowSpan]:
        """The same as spans; shape (images,)."""
        starts = self.row_starts(rows).to_pylist()
        return list(map(RowSpan, starts, starts[1:]))

    def image_places(self, table: str) -> Counts:
        """Of each row of a table the place of its image among `image_ids`; shape (rows,)."""
        return np.searchsorted(self.image_numbers, row_images(self.tables[table]))

    def rows(self, table: str) -> list[Row]:
        """The rows of a table."""
        rows: list[Row] = self.tables[table].to_pylist()
        return rows

    def rows_by_image(self, table: str) -> dict[str, list[Row]]:
        """The rows of a table by image ID."""
        return {image: list(rows) for image, rows in groupby(self.rows(table), lambda row: row["image_id"])}


def row_images(rows: pa.Table) -> Numbers:
    """The image IDs of rows as numbers, of shape (rows,)."""
    return as_numbers(rows["image_id"].combine_chunks())


def read_blocks(plan: BlockPlan) -> Iterator[ImageBlock]:
    """Yield the blocks of a plan in the order of image IDs; StoreError names a file that cannot be read."""
    sides = {
        table: Side(tuple(uris), tuple(plan.columns[table]), READ_ROWS, is_plain=True)
        for table, uris in plan.files.items()
    }
    for chunk in aligned_chunks(sides, plan.low, END, BLOCK_ROWS):
        if "boxes" in chunk and plan.dropped:
            chunk = {**chunk, "boxes": leave_out(chunk["boxes"], plan.dropped)}
        tables = {table: _chosen_rows(chunk.get(table), table, plan) for table in sides}
        if any(len(rows) for rows in tables.values()):
            yield ImageBlock(plan.subset, tables)


def _chosen_rows(runs: ImageRuns | None, table: str, plan: BlockPlan) -> pa.Table:
    schema = pa.schema([row_schema(table).field(name) for name in ("image_id", *plan.columns[table])])
    if runs is None or not len(runs.images):
        return schema.empty_table()
    is_chosen = np.repeat(are_among(runs.images, plan.images), runs.lengths)
    if plan.mids is not None and "mid" in runs.rows.column_names:
        is_chosen &= pc.is_in(runs.rows["mid"], value_set=pa.array(sorted(plan.mids))).to_numpy()
    places = np.flatnonzero(is_chosen)
    images = np.repeat(runs.images, runs.lengths)[places]
    order = np.argsort(images, kind="stable")
    places, images = places[order], images[order]
    rows = runs.rows.take(pa.array(places))
    arrays = [
        rows[name].cast(schema.field(name).type)
        if name in rows.column_names
        else pa.nulls(len(rows), schema.field(name).type)
        for name in plan.columns[table]
    ]
    return pa.table([as_ids(images), *arrays], schema=schema)
