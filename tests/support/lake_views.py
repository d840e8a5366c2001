"""What a reader sees of a warehouse in a folder, as digests of rows: quick enough to look again and again during a job."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
from deltalake import DeltaTable

from oilake.jobs.tables.snapshots import SINCE
from oilake.schemas import loader as schemas
from tests.support import table_readers
from tests.support.run_columns import OF_A_RUN, OF_BLOBS

PAUSE = 0.2
UNLIKE = ("job_runs", "publications", "snapshots")  # each run adds rows of its own


class RowsDigest(NamedTuple):
    """How many rows, and the sum of their hashes: the order of rows and how they lie in files are not in it."""

    rows: int
    hashes: int


View = dict[str, RowsDigest]
FileHashes = dict["FileIdentity", list[int]]


class FileIdentity(NamedTuple):
    """What is the same of a file and its copies in other warehouses, and of no two others: its name has the run in it."""

    path: str
    bytes: int
    changed_at: int


@dataclass
class LakeReader:
    """Reads a warehouse again and again, each file once, and once with others that share `hashes`."""

    folder: Path
    hashes: FileHashes = field(default_factory=dict)

    def newest_snapshot(self) -> int:
        """The version of `snapshots`: until there is another, what is published cannot change."""
        return DeltaTable(str(self.folder / "snapshots")).version()

    def published(self) -> View:
        """By release and slice: the rows that its newest snapshot names."""
        seen: View = {}
        pins = {row["release"]: row for row in table_readers.snapshot_rows(str(self.folder))}
        for release, pin in pins.items():
            for named, version in pin["table_versions"].items():
                table, _, since = named.partition(SINCE)
                values = dict(zip(schemas.table_schema(table).slice_by, (release, since), strict=False))
                filters = [(column, "=", value) for column, value in values.items()]
                seen[f"{release} {named}"] = self._digest(table, DeltaTable(str(self.folder / table), version), filters)
        return seen

    def records(self) -> View:
        """By table that belongs to no snapshot: its rows now."""
        tables = [table for table in map(schemas.table_schema, schemas.table_names()) if not table.slice_by]
        names = [table.table for table in tables if table.table not in UNLIKE]
        return {name: self._digest(name, DeltaTable(str(self.folder / name)), []) for name in names}

    def _digest(self, table: str, opened: DeltaTable, filters: list[tuple[str, str, str]]) -> RowsDigest:
        """Of rows about blobs each once: an image that did not come is asked for and told of again, and so is every blob of
        a warehouse that was copied to another place."""
        rows: list[int] = []
        for path in map(_local_path, opened.file_uris(file_pruning_predicate=filters or None)):
            state = path.stat()
            identity = FileIdentity(str(path.relative_to(self.folder)), state.st_size, state.st_mtime_ns)
            if identity not in self.hashes:
                self.hashes[identity] = _row_hashes(path, table)
            rows += self.hashes[identity]
        told = set(rows) if table in OF_BLOBS else rows
        return RowsDigest(len(told), sum(told) % (1 << 64))


def _local_path(uri: str) -> Path:
    return Path(uri.removeprefix("file://"))


def _row_hashes(path: Path, table: str) -> list[int]:
    left_out = OF_A_RUN | OF_BLOBS.get(table, frozenset())
    stored = [column.name for column in schemas.table_schema(table).stored() if column.name not in left_out]
    with open(path, "rb") as file:
        rows = pq.ParquetFile(file).read(columns=stored).to_pylist()
    return [int.from_bytes(hashlib.blake2b(repr(row).encode(), digest_size=8).digest(), "big") for row in rows]


@contextmanager
def watching(reader: LakeReader) -> Iterator[list[View]]:
    """What a reader saw, each view once: while the block ran, whenever there was another snapshot, and at its end."""
    views: list[View] = []
    failures: list[Exception] = []
    ended = threading.Event()

    def watch() -> None:
        seen = -1
        while not ended.wait(PAUSE):
            try:
                if (newest := reader.newest_snapshot()) != seen:
                    views.append(reader.published())
                    seen = newest
            except Exception as error:
                failures.append(error)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield views
    finally:
        ended.set()
        thread.join()
    views.append(reader.published())
    assert not failures, f"a reader failed {len(failures)} times: {failures[0]!r}"


def unnamed_files(folder: Path) -> list[str]:
    """Parquet files that neither the newest version of their table nor the newest snapshot of a release names."""
    named: set[Path] = set()
    versions: dict[str, set[int]] = {}
    for pin in {row["release"]: row for row in table_readers.snapshot_rows(str(folder))}.values():
        for slice_name, version in pin["table_versions"].items():
            versions.setdefault(slice_name.partition(SINCE)[0], set()).add(version)
    for table in schemas.table_names():
        newest = DeltaTable(str(folder / table))
        for version in {newest.version(), *versions.get(table, ())}:
            named |= set(map(_local_path, DeltaTable(str(folder / table), version).file_uris()))
    every = [path for path in folder.rglob("*.parquet") if "_delta_log" not in path.parts]
    return sorted(str(path.relative_to(folder)) for path in every if path not in named)
