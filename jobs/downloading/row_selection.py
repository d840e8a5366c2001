"""Which rows of `images` are wanted, as places in its published files: some bytes an image, so that nine million fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oilake.jobs.blobs.attribution import COLUMNS
from oilake.jobs.runtime.arrow_ipc import packed, unpacked
from oilake.jobs.tables.parquet_reader import read_file, rows_at
from oilake.jobs.transforms import image_ids

Numbers = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]

LOOKED_AT = ("image_id", "original_size", "original_md5", "thumbnail_300k_url", *COLUMNS)
KNOWN = {"known_bytes": pa.int64(), "known_source": pa.string(), "known_is_resized": pa.bool_()}
KEY = "blob_key"
BESIDE = {**KNOWN, KEY: pa.string()}
LISTED = {"original_size": pa.int64(), "original_md5": pa.string()}
BATCH = 10_000


class Stretch(NamedTuple):
    """Rows of one published file of `images`, in its order.

    `picks`: a row each: its `place` in the file (uint32), and where they are known KNOWN, what `downloads` says of the blob,
    KEY, the blob that is to be replaced, and LISTED, what a transfer list says of the original.
    """

    uri: str
    subset: str
    picks: pa.Table

    def keep(self, wanted: Mask) -> Stretch:
        """Those rows that are wanted."""
        return self._replace(picks=self.picks.filter(pa.array(wanted)))

    def ids(self) -> Numbers:
        """The image IDs of the rows, as numbers."""
        found = read_file(self.uri, "images", ["image_id"])["image_id"].take(self.picks["place"])
        return image_ids.as_numbers(found.combine_chunks())


class Share(NamedTuple):
    """What one task gets of a stretch, its picks packed."""

    uri: str
    subset: str
    picks: bytes


def count(stretches: Sequence[Stretch]) -> int:
    """How many images they are."""
    return sum(len(one.picks) for one in stretches)


def cut(stretches: Sequence[Stretch], tasks: int) -> list[list[Share]]:
    """What each task gets: neighbours, and as many rows as any other task."""
    bounds = np.linspace(0, count(stretches), tasks + 1).astype(int).tolist()
    shares: list[list[Share]] = [[] for _ in range(tasks)]
    task = begin = 0
    for one in stretches:
        end = begin + len(one.picks)
        while begin < end:
            stop = min(end, bounds[task + 1])
            mine = one.picks.slice(len(one.picks) - (end - begin), stop - begin)
            if len(mine):
                shares[task].append(Share(one.uri, one.subset, packed(mine)))
            begin = stop
            task += begin == bounds[task + 1] and task + 1 < tasks
    return shares


def batches(shares: Sequence[Share]) -> Iterator[pa.RecordBatch]:
    """The rows of a task, with columns LOOKED_AT, `subset` and BESIDE; StoreError where `images` cannot be read."""
    if shares:
        yield from pa.concat_tables(map(_rows, shares)).combine_chunks().to_batches(max_chunksize=BATCH)


def _rows(share: Share) -> pa.Table:
    picks = unpacked(share.picks)
    found = rows_at(share.uri, "images", LOOKED_AT, picks["place"].to_numpy())
    for name in LISTED:
        if name in picks.column_names:
            n = found.column_names.index(name)
            found = found.set_column(n, name, pc.coalesce(found[name], picks[name]))
    found = found.append_column("subset", pa.array([share.subset] * len(found), pa.string()))
    for name, kind in BESIDE.items():
        known = picks[name] if name in picks.column_names else pa.nulls(len(found), kind)
        found = found.append_column(name, known)
    return found
