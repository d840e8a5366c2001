"""Puts rows into sorted files: each published file that is concerned is merged with the rows that belong into its range."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from oilake.jobs.quarantining.records import SortedRun
from oilake.jobs.scanning.key_ranges import LARGEST, READERS
from oilake.jobs.scanning.merge_scan import END, Side, aligned_chunks, row_groups
from oilake.jobs.tables.slice_files import PublishedFile
from oilake.jobs.tables.staging import StagedFile, Writer
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms.image_ids import as_ids
from oilake.jobs.transforms.image_runs import ImageRuns
from oilake.schemas import loader as schemas

CHUNK_ROWS = 1 << 17


@dataclass(frozen=True)
class MergeTarget:
    """A file to be: all rows of the `published` one (None: there is none yet), and those of the runs whose image lies from
    `low` up to, without, `high`."""

    table: str
    partition: dict[str, str]
    number: int
    published: str | None
    runs: tuple[str, ...]
    low: int
    high: int


def merge_targets(
    table: str, partition: Mapping[str, str], published: Sequence[PublishedFile], runs: Mapping[str, SortedRun]
) -> list[MergeTarget]:
    """The files of one partition that get rows of the runs (by URI), and no other; files that did not overlap still do not.

    A row goes into the last file that begins at or before its image. Reads the footers of the published files.
    """
    uris = [file.uri for file in published]
    with ThreadPoolExecutor(READERS) as pool:
        groups = dict(zip(uris, pool.map(row_groups, uris), strict=True))
    ends = {
        uri: (min(g.low for g in entries), max(g.high for g in entries)) for uri, entries in groups.items() if entries
    }
    files = sorted(ends, key=lambda uri: (ends[uri], uri))
    cuts = [0, *(ends[uri][0] for uri in files[1:]), END] if files else _even_cuts(list(runs.values()))
    entries = []
    for number, (low, high) in enumerate(pairwise(cuts)):
        uri = files[number] if files else None
        some = tuple(sorted(run_uri for run_uri, run in runs.items() if _rows_within(run, low, high)))
        if some:
            entries.append(MergeTarget(table, dict(partition), number, uri, some, low, high))
    return entries


def _even_cuts(runs: Sequence[SortedRun]) -> list[int]:
    """Cuts that leave at most LARGEST rows between two of them, rows of one image apart."""
    ids = np.sort(np.concatenate([run.ids for run in runs]))
    count = math.ceil(len(ids) / LARGEST)
    return [0, *sorted({int(ids[len(ids) * n // count]) for n in range(1, count)} - {0}), END]


def _rows_within(run: SortedRun, low: int, high: int) -> int:
    first = int(np.searchsorted(run.ids, np.uint64(low)))
    return (len(run.ids) if high == END else int(np.searchsorted(run.ids, np.uint64(high)))) - first


def merge_file(target: MergeTarget, warehouse: Warehouse, run_id: str) -> Iterator[StagedFile]:
    """Stages the file, sorted by image, some rows at a time. InputError names a published file that is not sorted."""
    table = schemas.table_schema(target.table)
    columns = tuple(column.name for column in table.stored() if column.name != "image_id")
    plain = target.table == "images"
    sides = {"released": Side(target.runs, columns, CHUNK_ROWS, plain, target.low, target.high)}
    if target.published:
        sides["published"] = Side((target.published,), columns, CHUNK_ROWS, plain)
    writer = Writer(warehouse, table, target.partition, run_id, target.number)
    for chunk in aligned_chunks(sides, 0, END, CHUNK_ROWS):
        parts = [chunk[name] for name in ("published", "released") if name in chunk]
        writer.write(_sorted_rows(parts).select([column.name for column in table.stored()]))
    yield writer.close()


def _sorted_rows(parts: Sequence[ImageRuns]) -> pa.Table:
    """The rows of the parts with their image IDs, sorted by image; of one image those of the first part first."""
    images = np.concatenate([np.repeat(part.images, part.lengths) for part in parts])
    rows = pa.concat_tables([part.rows for part in parts]).append_column("image_id", as_ids(images))
    if bool((images[1:] >= images[:-1]).all()):
        return rows
    return rows.unify_dictionaries().combine_chunks().take(pa.array(np.argsort(images, kind="stable")))
