"""Judges quarantined rows again, each by itself, on the road of ingest; stages those that pass and those that stay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from oilake.conf.errors import InputError
from oilake.conf.registry import ExpectedMember, Release
from oilake.jobs.ingesting import repairs
from oilake.jobs.ingesting.chunk_kernel import (
    member_transform,
    normalize_member,
    partition_rows,
    quarantine_rows,
)
from oilake.jobs.runtime.error_text import unreadable_error
from oilake.jobs.runtime.filesystem import open_filesystem
from oilake.jobs.sources.csv_parser import BadRecord, Header, parse_separately
from oilake.jobs.tables.staging import StagedFile, Writer
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms.image_ids import as_numbers
from oilake.jobs.validation import row_filter
from oilake.schemas import loader as schemas

BATCH = 4096
DUPLICATE = "duplicate_image_id"

MemberKey = tuple[str, str]
Row = dict[str, Any]
Numbers = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class MemberReader:
    """A member whose rows are in quarantine: what the registry says of it, its header, and its place among all members."""

    expected: ExpectedMember
    header: Header
    place: int


@dataclass(frozen=True)
class ReprocessContext:
    """What every reading knows; `sources`: by (file, member), those of `images`, `labels` and `boxes`."""

    release: Release
    warehouse: Warehouse
    run_id: str
    field_limit: int
    sources: Mapping[MemberKey, MemberReader]


@dataclass(frozen=True)
class MemberVerdict:
    """Rows of one member: `kept` those that pass, in the table's columns, with `places` (which they are); `repaired`: what
    was repaired in them, `row` being their place; `reasons` of the others by place."""

    kept: pa.Table
    places: Places
    repaired: pa.Table
    reasons: dict[int, tuple[str, ...]]


@dataclass
class FilePreview:
    """One file of `quarantine`: its rows, those that pass, those that stay with other reasons, those that nobody can judge
    here, by table.

    Of the images that pass, each of shape (images,): `ids`, `order` (place of the member, line), `places` in the file, and
    whether they were `known` as duplicates.
    """

    uri: str
    rows: int = 0
    passing: int = 0
    reworded: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    ids: list[int] = field(default_factory=list)
    order: list[tuple[int, int]] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    known: list[bool] = field(default_factory=list)


@dataclass(frozen=True)
class RereadFile:
    """One file of `quarantine` to be read again; `dropped`: places of images that pass but lost their key to another row."""

    uri: str
    number: int
    dropped: Places


@dataclass(frozen=True)
class SortedRun:
    """Released rows of one partition, sorted by image; `ids`: their image IDs, ascending."""

    staged: StagedFile
    ids: Numbers


@dataclass
class MovedRows:
    """What became of one file of `quarantine`: released rows, those that stay, and the counts.

    `reasons`: released rows by (table, reason); `counts`: by member, what is added to columns of `release_files`.
    """

    runs: list[SortedRun] = field(default_factory=list)
    staged: list[StagedFile] = field(default_factory=list)
    rows: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    reworded: int = 0
    counts: dict[MemberKey, Counter[str]] = field(default_factory=dict)


def judge_records(raws: Sequence[bytes], source: MemberReader, release: Release, limit: int) -> MemberVerdict:
    """The records of one member (without their line ends), judged as ingest would judge them now."""
    table = source.expected.member.table
    types = member_transform(source.expected, release).TYPES
    apart = parse_separately(raws, source.header, types, limit)
    normalized = normalize_member(apart.columns, source.expected, release)
    judged = row_filter.filter_rows(normalized, row_filter.filter_expectations(table))
    good = judged.good
    reasons = {int(apart.places[row]): tuple(why) for row, why in judged.reasons.items()} | apart.bad
    repaired = repairs.find_repairs(apart.columns, normalized, good)
    repaired = repaired.set_column(0, "row", pa.array(apart.places[repaired["row"].to_numpy()]))
    return MemberVerdict(row_filter.kept_rows(normalized.columns, good), apart.places[good], repaired, reasons)


def preview_file(uri: str, context: ReprocessContext) -> FilePreview:
    """What would become of one file of `quarantine`, duplicate image IDs apart."""
    preview = FilePreview(uri)
    for start, rows in _member_groups(uri):
        preview.rows += len(rows)
        source = context.sources.get(_member_key(rows[0]))
        if source is None:
            preview.skipped[rows[0]["table_name"]] += len(rows)
            continue
        judged = _judge_rows(uri, rows, source, context)
        preview.passing += len(judged.places)
        preview.reworded += sum(list(why) != rows[n]["reasons"] for n, why in judged.reasons.items())
        if source.expected.member.table == "images":
            preview.ids += as_numbers(_image_ids(judged.kept)).tolist()
            preview.order += [(source.place, rows[n]["line"]) for n in judged.places.tolist()]
            preview.places += (judged.places + start).tolist()
            preview.known += [rows[n]["reasons"] == [DUPLICATE] for n in judged.places.tolist()]
    return preview


def move_rows(part: RereadFile, context: ReprocessContext) -> Iterator[MovedRows]:
    """Stages what one file of `quarantine` gives: a sorted run a partition, rows of `released` and `repairs`, and the rows
    that stay."""
    yield _FileMove(part, context).run()


class _FileMove:
    """One file of `quarantine` on its way: rows waiting by partition, the writers, and the counts so far."""

    def __init__(self, part: RereadFile, context: ReprocessContext) -> None:
        self.part, self.context, self.moved = part, context, MovedRows()
        self.waiting: dict[tuple[str, ...], tuple[dict[str, str], list[pa.Table]]] = {}
        self.writers: dict[str, Writer] = {}

    def run(self) -> MovedRows:
        for start, rows in _member_groups(self.part.uri):
            source = self.context.sources.get(_member_key(rows[0]))
            if source is None:
                self._write_staying(rows, {n: tuple(row["reasons"]) for n, row in enumerate(rows)})
                continue
            judged = self._drop_duplicates(start, _judge_rows(self.part.uri, rows, source, self.context))
            self._write_staying(rows, judged.reasons)
            self._write_released(rows, source, judged)
        self.moved.staged = [writer.close() for writer in self.writers.values()]
        self.moved.runs = [self._sorted_run(key[0], *partition_parts) for key, partition_parts in self.waiting.items()]
        return self.moved

    def _drop_duplicates(self, start: int, judged: MemberVerdict) -> MemberVerdict:
        """The verdict without the rows that lost their key."""
        lost = np.isin(judged.places + start, self.part.dropped)
        if not lost.any():
            return judged
        reasons = judged.reasons | dict.fromkeys(judged.places[lost].tolist(), (DUPLICATE,))
        stays = np.isin(judged.repaired["row"].to_numpy(), judged.places[lost], invert=True)
        repaired = judged.repaired.filter(pa.array(stays))
        return MemberVerdict(judged.kept.filter(pa.array(~lost)), judged.places[~lost], repaired, reasons)

    def _write_staying(self, rows: Sequence[Row], reasons: Mapping[int, tuple[str, ...]]) -> None:
        staying = [BadRecord(rows[n]["line"], rows[n]["raw"], reasons[n]) for n in sorted(reasons)]
        if staying:
            self.moved.reworded += sum(list(reasons[n]) != rows[n]["reasons"] for n in reasons)
            place = rows[0]["table_name"], rows[0]["file"], rows[0]["member"]
            self._write_rows("quarantine", quarantine_rows(staying, *place))

    def _write_released(self, rows: Sequence[Row], source: MemberReader, judged: MemberVerdict) -> None:
        chosen = [rows[n] for n in judged.places.tolist()]
        if not chosen:
            return
        table, subset = source.expected.member.table, source.expected.subset or ""
        for partition, part in partition_rows(judged.kept, table, self.context.release.release, subset):
            key = (table, *partition.values())
            self.waiting.setdefault(key, (partition, []))[1].append(part)
        self._write_rows("released", _released_rows(chosen, _image_ids(judged.kept), self.context.run_id))
        if len(judged.repaired):
            lines = [rows[n]["line"] for n in judged.repaired["row"].to_pylist()]
            self._write_rows("repairs", repairs.repair_rows(judged.repaired, lines, table, *_member_key(rows[0])))
        self._count_released(chosen, judged)

    def _count_released(self, chosen: Sequence[Row], judged: MemberVerdict) -> None:
        table, member = chosen[0]["table_name"], _member_key(chosen[0])
        self.moved.rows[table] += len(chosen)
        self.moved.reasons.update((table, reason) for row in chosen for reason in row["reasons"])
        moved = {"rows_kept": len(chosen), "rows_quarantined": -len(chosen)}
        counts = self.moved.counts.setdefault(member, Counter())
        counts.update(moved)
        counts.update(repairs.repair_counts(judged.repaired))

    def _write_rows(self, name: str, rows: pa.Table) -> None:
        if name not in self.writers:
            partition = {"release": self.context.release.release}
            self.writers[name] = self._new_writer(schemas.table_schema(name), partition)
        self.writers[name].write(rows)

    def _new_writer(self, table: schemas.Table, partition: Mapping[str, str]) -> Writer:
        return Writer(self.context.warehouse, table, partition, self.context.run_id, self.part.number)

    def _sorted_run(self, name: str, partition: dict[str, str], parts: list[pa.Table]) -> SortedRun:
        rows = pa.concat_tables(parts).unify_dictionaries().combine_chunks()
        ids = as_numbers(_image_ids(rows))
        order = np.argsort(ids, kind="stable")
        writer = self._new_writer(schemas.table_schema(name), partition)
        writer.write(rows.take(pa.array(order)))
        return SortedRun(writer.close(), ids[order])


def _member_groups(uri: str) -> Iterator[tuple[int, list[Row]]]:
    """(place of the first one in the file, rows of one member that follow each other), a batch at most."""
    store, path = open_filesystem(uri)
    start = 0
    try:
        for batch in pq.ParquetFile(path, filesystem=store).iter_batches(BATCH, use_threads=False):
            for _, member_rows in groupby(batch.to_pylist(), lambda row: (row["table_name"], *_member_key(row))):
                rows = list(member_rows)
                yield start, rows
                start += len(rows)
    except (OSError, pa.ArrowException) as error:
        raise unreadable_error(uri, error) from None


def _judge_rows(uri: str, rows: Sequence[Row], source: MemberReader, context: ReprocessContext) -> MemberVerdict:
    try:
        return judge_records([row["raw"] for row in rows], source, context.release, context.field_limit)
    except InputError as error:
        file, member = _member_key(rows[0])
        raise InputError(f"{uri}: rows of {file}: {member}: {error}") from None


def _member_key(row: Row) -> MemberKey:
    return row["file"], row["member"]


def _image_ids(rows: pa.Table) -> pa.StringArray:
    """The image IDs as plain strings."""
    return rows["image_id"].cast(pa.string()).combine_chunks()


def _released_rows(chosen: Sequence[Row], ids: pa.StringArray, run_id: str) -> pa.Table:
    columns = {name: [row[name] for row in chosen] for name in ("table_name", "file", "member", "line", "reasons")}
    data = {**columns, "image_id": ids, "run_id": [run_id] * len(chosen)}
    schema = schemas.arrow_schema(schemas.table_schema("released"))
    return pa.table({name: data[name] for name in schema.names}, schema=schema)
