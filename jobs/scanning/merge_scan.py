"""Several sides of sorted Parquet files side by side: chunks that hold all rows of each of their images, on every side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from oilake.conf.errors import InputError
from oilake.jobs.runtime.filesystem import open_filesystem
from oilake.jobs.tables.repair_commands import repair_sentence, unreadable_rows_error
from oilake.jobs.transforms import image_runs
from oilake.jobs.transforms.image_runs import ImageRuns

END = 1 << 64
BATCH = 1 << 19  # what a core's caches still help with


@dataclass(frozen=True)
class Side:
    """Parquet files, each sorted by image_id (they may overlap, in any order), and the columns to read beside it.

    `batch`: rows read at a time; with `is_plain` strings are not dictionary-encoded, for those that hardly repeat. Only
    images from `low` up to, without, `high` are read of it.
    """

    files: tuple[str, ...]
    columns: tuple[str, ...]
    batch: int = BATCH
    is_plain: bool = False
    low: int = 0
    high: int = END


@dataclass(frozen=True)
class RowGroup:
    """Where the images of one row group lie: from `low` to `high`, both among them, as unsigned 64-bit numbers."""

    low: int
    high: int
    rows: int


def row_groups(uri: str) -> list[RowGroup]:
    """The row groups of one file, from its footer; one without statistics may hold any image."""
    store, path = open_filesystem(uri)
    with reading_file(uri):
        return _row_groups(pq.read_metadata(path, filesystem=store))


@contextmanager
def reading_file(uri: str) -> Iterator[None]:
    """StoreError that names the file when what is done within fails because of it."""
    try:
        yield
    except (OSError, pa.ArrowException, ValueError) as error:
        raise unreadable_rows_error(uri, error) from None


def _row_groups(metadata: pq.FileMetaData) -> list[RowGroup]:
    place = metadata.schema.names.index("image_id")
    groups = []
    for n in range(metadata.num_row_groups):
        group = metadata.row_group(n)
        statistics = group.column(place).statistics
        low, high = (statistics.min, statistics.max) if statistics and statistics.has_min_max else ("0", f"{END - 1:x}")
        groups.append(RowGroup(int(low, 16), int(high, 16), group.num_rows))
    return groups


def aligned_chunks(sides: Mapping[str, Side], low: int, high: int, rows: int) -> Iterator[dict[str, ImageRuns]]:
    """Chunks of at least `rows` rows (but for the last) of the images from `low` up to, without, `high` (at most 2^64).

    A chunk holds every row of its images on all sides, in dictionary-encoded strings unless a side is plain; a side
    without rows is left out. Each file is read once and in order, about a batch of it at a time. InputError names a file
    that is not sorted.
    """
    streams = [
        _FileStream(name, uri, side, low, high) for name, side in sides.items() for uri in sorted(set(side.files))
    ]
    while streams := [stream for stream in streams if stream.bound < END or stream.held]:
        cut = min(stream.bound for stream in streams)
        if cut < END and sum(stream.count(cut) for stream in streams) < rows:
            min(streams, key=lambda stream: stream.bound).read()
            continue
        chunk: dict[str, list[ImageRuns]] = {}
        for stream in streams:
            chunk.setdefault(stream.side, []).extend(stream.take(cut))
        if merged := {side: image_runs.join_runs(parts) for side, parts in chunk.items() if parts}:
            yield merged


class _FileStream:
    """One file on its way. `held`: rows read and not taken; every row of an image below `bound` has been read."""

    def __init__(self, side: str, uri: str, source_side: Side, low: int, high: int) -> None:
        low, high = max(low, source_side.low), min(high, source_side.high)
        self.side, self.uri, self.low, self.high = side, uri, low, high
        self.columns, self.rows, self.is_plain = (
            ["image_id", *source_side.columns],
            source_side.batch,
            source_side.is_plain,
        )
        self.held: list[ImageRuns] = []
        self.last = 0
        store, path = open_filesystem(uri)
        with reading_file(uri):
            self.source = store.open_input_file(path)
            self.metadata = pq.read_metadata(self.source)
        groups_in_file = _row_groups(self.metadata)
        self.groups = [n for n, group in enumerate(groups_in_file) if group.low < high and group.high >= low]
        self.bound = min((max(groups_in_file[n].low, low) for n in self.groups), default=END)
        self.batches: Iterator[pa.RecordBatch] | None = None

    def read(self) -> None:
        """Reads one batch more."""
        if self.batches is None:
            self.batches = self._open_batches()
        with reading_file(self.uri):
            batch = next(self.batches, None)
        if batch is None:
            self._close_file()
            return
        runs = image_runs.runs_of_batch(batch)
        if not runs.is_sorted() or (len(runs.images) and int(runs.images[0]) < self.last):
            raise InputError(f"{self.uri}: its rows are not sorted by image_id; {repair_sentence(self.uri)}")
        self._hold_runs(runs)

    def _hold_runs(self, runs: ImageRuns) -> None:
        self.last = int(runs.images[-1]) if len(runs.images) else self.last
        runs_within = runs.since(self.low).before(self.high)
        if len(runs_within.images):
            self.held.append(runs_within)
        self.bound = max(self.bound, self.last)
        if self.last >= self.high:
            self._close_file()

    def _open_batches(self) -> Iterator[pa.RecordBatch]:
        schema = self.metadata.schema
        texts = {name for n, name in enumerate(schema.names) if schema.column(n).physical_type == "BYTE_ARRAY"}
        # Image IDs overflow Parquet's dictionaries, and to make new ones costs five times their reading.
        texts = set() if self.is_plain else texts & {*self.columns} - {"image_id"}
        file = pq.ParquetFile(self.source, metadata=self.metadata, read_dictionary=sorted(texts), pre_buffer=True)
        batches: Iterator[pa.RecordBatch] = file.iter_batches(self.rows, self.groups, self.columns, use_threads=False)
        return batches

    def _close_file(self) -> None:
        self.bound, self.batches = END, iter(())
        self.source.close()

    def count(self, cut: int) -> int:
        """How many rows of images below `cut` are held."""
        return sum(int(part.lengths[: image_runs.count_below(part.images, cut)].sum()) for part in self.held)

    def take(self, cut: int) -> Sequence[ImageRuns]:
        """The held rows of images below `cut`; they are held no more."""
        taken = [part.before(cut) for part in self.held]
        left = [part.since(cut) for part in self.held]
        self.held = [part for part in left if len(part.images)]
        return [part for part in taken if len(part.images)]
