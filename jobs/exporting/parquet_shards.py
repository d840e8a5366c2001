"""Parquet files of about as many rows each, written as the rows come."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

SHARD_ROWS = 1_000_000


class ParquetShards:
    """Files `<stem>-00000.parquet` and on; a new one is begun when the last holds `shard_rows` rows.

    `rows`: how many were written so far.
    """

    def __init__(self, stem: Path, schema: pa.Schema, shard_rows: int = SHARD_ROWS) -> None:
        self.stem, self.schema, self.shard_rows = stem, schema, shard_rows
        self.rows = 0
        self._shards, self._shard_rows = 0, 0
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> ParquetShards:
        """Begin the first file, so that there is one where no row comes."""
        self.stem.parent.mkdir(parents=True, exist_ok=True)
        self._begin_shard()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the last file."""
        self._end_shard()

    def write(self, rows: pa.Table) -> None:
        """Writes rows of the schema as one row group."""
        if not len(rows):
            return
        if self._shard_rows >= self.shard_rows:
            self._end_shard()
            self._begin_shard()
        assert self._writer is not None
        self._writer.write_table(rows.cast(self.schema))
        self.rows += len(rows)
        self._shard_rows += len(rows)

    def _begin_shard(self) -> None:
        path = self.stem.with_name(f"{self.stem.name}-{self._shards:05}.parquet")
        self._writer = pq.ParquetWriter(path, self.schema, compression="zstd")
        self._shards, self._shard_rows = self._shards + 1, 0

    def _end_shard(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
