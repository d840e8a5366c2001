"""Which rows of `images` are wanted, as places in its published files: some bytes an image, so that nine million fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oilake.jobs.blobs.attribution import COLUMNS
from oilake.jobs.runtime.arrow_ipc import pack_table, unpack_table
from oilake.jobs.tables.parquet_reader import read_file, rows_at
from oilake.jobs.transforms import image_ids

Numbers = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]

IMAGE_COLUMNS = ("image_id", "original_size", "original_md5", "thumbnail_300k_url", *COLUMNS)
RECORDED_COLUMNS = {"known_bytes": pa.int64(), "known_source": pa.string(), "known_is_resized": pa.bool_()}
BLOB_KEY = "blob_key"
ADDED_COLUMNS = {**RECORDED_COLUMNS, BLOB_KEY: pa.string()}
LISTED_COLUMNS = {"original_size": pa.int64(), "original_md5": pa.string()}
BATCH = 10_000


class RowSelection(NamedTuple):
    """Rows of one published file of `images`, in its order.

    `picks`: a row each: its `place` in the file (uint32), and where they are known KNOWN, what `downloads` says of the blob,
    KEY, the blob that is to be replaced, and LISTED, what a transfer list says of the original.
    """

    uri: str
    subset: str
    picks: pa.Table

    def keep(self, mask: Mask) -> RowSelection:
        """The rows of the mask, of shape (rows,)."""
        return self._replace(picks=self.picks.filter(pa.array(mask)))

    def ids(self) -> Numbers:
        """The image IDs of the rows, as numbers."""
        id_column = read_file(self.uri, "images", ["image_id"])["image_id"].take(self.picks["place"])
        return image_ids.as_numbers(id_column.combine_chunks())


class TaskRows(NamedTuple):
    """What one task gets of a stretch, its picks packed."""

    uri: str
    subset: str
    picks: bytes


def count_images(stretches: Sequence[RowSelection]) -> int:
    """How many images they are."""
    return sum(len(selection.picks) for selection in stretches)


def cut_into_tasks(stretches: Sequence[RowSelection], tasks: int) -> list[list[TaskRows]]:
    """What each task gets: neighbours, and as many rows as any other task."""
    bounds = np.linspace(0, count_images(stretches), tasks + 1).astype(int).tolist()
    rows_by_task: list[list[TaskRows]] = [[] for _ in range(tasks)]
    task = begin = 0
    for selection in stretches:
        end = begin + len(selection.picks)
        while begin < end:
            stop = min(end, bounds[task + 1])
            task_picks = selection.picks.slice(len(selection.picks) - (end - begin), stop - begin)
            if len(task_picks):
                rows_by_task[task].append(TaskRows(selection.uri, selection.subset, pack_table(task_picks)))
            begin = stop
            task += begin == bounds[task + 1] and task + 1 < tasks
    return rows_by_task


def read_batches(shares: Sequence[TaskRows]) -> Iterator[pa.RecordBatch]:
    """The rows of a task, with columns LOOKED_AT, `subset` and BESIDE; StoreError where `images` cannot be read."""
    if shares:
        yield from pa.concat_tables(map(_read_rows, shares)).combine_chunks().to_batches(max_chunksize=BATCH)


def _read_rows(task_rows: TaskRows) -> pa.Table:
    picks = unpack_table(task_rows.picks)
    table = rows_at(task_rows.uri, "images", IMAGE_COLUMNS, picks["place"].to_numpy())
    for name in LISTED_COLUMNS:
        if name in picks.column_names:
            n = table.column_names.index(name)
            table = table.set_column(n, name, pc.coalesce(table[name], picks[name]))
    table = table.append_column("subset", pa.array([task_rows.subset] * len(table), pa.string()))
    for name, kind in ADDED_COLUMNS.items():
        values = picks[name] if name in picks.column_names else pa.nulls(len(table), kind)
        table = table.append_column(name, values)
    return table
