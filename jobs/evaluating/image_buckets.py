"""Rows that wait on disk until their images' turn comes: what bounds the memory of an evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa

from oilake.conf.errors import StoreError, os_cause

IMAGE = "image"
ROWS_A_BUCKET = 1 << 19
MOST_BITS = 8
# Fibonacci hashing: neighbouring image IDs, as those of small releases, part as evenly as others.
SPREAD = np.uint64(0x9E3779B97F4A7C15)


class ImageBuckets:
    """Streams of rows, each divided by image into 2**`bits` files of a folder; all of an image's rows are in one bucket."""

    def __init__(self, folder: Path, bits: int) -> None:
        self.folder, self.bits = folder, bits

    def add(self, name: str, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> None:
        """Write one stream, whose column `image` holds unsigned 64-bit numbers; StoreError where the disk is full."""
        try:
            with ExitStack() as opened:
                writers = [
                    opened.enter_context(pa.ipc.new_file(self._path(name, bucket), schema)) for bucket in self.numbers()
                ]
                for batch in batches:
                    self._write(writers, batch)
        except OSError as error:
            raise StoreError(
                f"{self.folder}: cannot be written ({os_cause(error)}); make room, or name another TMPDIR"
            ) from None

    def numbers(self) -> range:
        """Return the numbers of the buckets."""
        return range(1 << self.bits)

    def read(self, name: str, bucket: int) -> pa.Table:
        """Return the rows of one bucket of a stream, in the order in which they came."""
        with pa.ipc.open_file(self._path(name, bucket)) as reader:
            return reader.read_all().combine_chunks()

    def _write(self, writers: list[pa.RecordBatchFileWriter], batch: pa.RecordBatch) -> None:
        if not self.bits:
            writers[0].write_batch(batch)
            return
        buckets = (batch.column(IMAGE).to_numpy() * SPREAD) >> np.uint64(64 - self.bits)
        order = np.argsort(buckets, kind="stable")
        ends = np.searchsorted(buckets[order], np.arange(len(writers) + 1, dtype=np.uint64))
        ordered = batch.take(pa.array(order))
        for writer, start, stop in zip(writers, ends[:-1].tolist(), ends[1:].tolist(), strict=True):
            if stop > start:
                writer.write_batch(ordered.slice(start, stop - start))

    def _path(self, name: str, bucket: int) -> str:
        return str(self.folder / f"{name}-{bucket}.arrow")


@contextmanager
def open_buckets(rows: int) -> Iterator[ImageBuckets]:
    """Open buckets for about so many rows in all, in a folder that is gone afterwards."""
    bits = min(max(rows // ROWS_A_BUCKET, 0).bit_length(), MOST_BITS)
    with TemporaryDirectory(prefix="oilake-evaluate-") as folder:
        yield ImageBuckets(Path(folder), bits)
