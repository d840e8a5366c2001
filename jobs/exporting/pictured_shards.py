"""Parquet files of rows that hold the bytes of pictures: as large as is handy, in small row groups."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from oilake.jobs.exporting.finished_shards import ItemsAhead
from oilake.jobs.exporting.image_blocks import Row

# A file is full behind the row group with which its pictures reach so many bytes.
SHARD_BYTES = 256 << 20
GROUP_ROWS = 100


class PicturedRow(NamedTuple):
    """The row of an image, whose column `image` holds its bytes."""

    image_id: str
    row: Row


def write_pictured_shard(schema: pa.Schema, path: Path, rows: ItemsAhead[PicturedRow]) -> dict[str, int]:
    """Fills a file; a row group depends on the rows behind the last file alone, so a resumed export has the same bytes."""
    images = boxes = size = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while rows.ahead is not None and size < SHARD_BYTES:
            group: list[Row] = []
            while rows.ahead is not None and len(group) < GROUP_ROWS:
                group.append(rows.take().row)
            writer.write_table(pa.Table.from_pylist(group, schema))
            size += sum(len(row["image"]["bytes"]) for row in group)
            images, boxes = images + len(group), boxes + sum(len(row["objects"]["bbox"]) for row in group)
    return {"images": images, "boxes": boxes}
