"""Image IDs are unique in a release: finds the rows that come after an earlier one with the same ID."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from oilake.jobs.ingesting.chunk_kernel import ChunkReport
from oilake.jobs.runtime.filesystem import open_filesystem
from oilake.jobs.scanning.merge_scan import BATCH, RowGroup, reading_file, row_groups
from oilake.jobs.transforms import image_runs

Positions = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.uint64]


def find_duplicates(reports: Sequence[ChunkReport]) -> dict[tuple[str, int], Positions]:
    """Positions, among the kept rows of a chunk, of rows whose image ID an earlier row has; by (file, chunk).

    `reports`: those of `images` in the order of the registry's files and of their chunks, which decides who is earlier.
    Sorting all IDs of a full release as 64-bit numbers takes about a second and 220 MB.
    """
    chunks = [report for report in reports if len(report.ids)]
    if not chunks:
        return {}
    ids = np.concatenate([report.ids for report in chunks])
    order = np.argsort(ids, kind="stable")
    later = order[1:][ids[order[1:]] == ids[order[:-1]]]
    starts = np.cumsum([0, *(len(report.ids) for report in chunks)])
    positions: dict[tuple[str, int], Positions] = {}
    for n in np.unique(np.searchsorted(starts, later, side="right") - 1).tolist():
        later_in_chunk = later[(later >= starts[n]) & (later < starts[n + 1])] - starts[n]
        positions[chunks[n].file, chunks[n].number] = np.sort(later_in_chunk)
    return positions


def published_ids(uris: Sequence[str], wanted: Numbers) -> Numbers:
    """Those of the wanted image IDs (ascending) that published files of `images` hold; only what may hold one is read."""
    if not len(wanted):
        return wanted
    held = np.zeros(len(wanted), np.bool_)
    for uri in uris:
        groups = [n for n, group in enumerate(row_groups(uri)) if _any_within(wanted, group)]
        store, path = open_filesystem(uri)
        with reading_file(uri):
            file = pq.ParquetFile(path, filesystem=store)
            for batch in file.iter_batches(BATCH, groups, ["image_id"]) if groups else ():
                held |= np.isin(wanted, image_runs.runs_of_batch(batch).images)
    return wanted[held]


def _any_within(sorted_ids: Numbers, group: RowGroup) -> bool:
    place = int(np.searchsorted(sorted_ids, np.uint64(group.low)))
    return place < len(sorted_ids) and int(sorted_ids[place]) <= group.high


def mark_duplicates(ids: Numbers, members: Positions, lines: Positions, held: Numbers) -> npt.NDArray[np.bool_]:
    """Which of some rows have an image ID that is held already, or that an earlier one of them has; all of shape (rows,).

    `members`, `lines`: where a row stands, which decides who is earlier.
    """
    order = np.lexsort((lines, members))
    is_repeated = np.ones(len(ids), np.bool_)
    is_repeated[order[np.unique(ids[order], return_index=True)[1]]] = False
    return is_repeated | np.isin(ids, held)
