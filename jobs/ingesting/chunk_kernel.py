"""What one task does: reads its split, normalizes, splits good rows from bad, stages both, and reports what it did."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oilake.conf.errors import ConfigError, InputError, StoreError
from oilake.conf.registry import ExpectedMember, Release
from oilake.jobs.ingesting import listed_images, repairs, reuse
from oilake.jobs.ingesting.listed_images import StagedList
from oilake.jobs.ingesting.published_tables import TRANSFORMS, RowTransform, row_transform
from oilake.jobs.ingesting.reuse import ReusableFile
from oilake.jobs.sources.csv_parser import BadRecord, ParsedRows
from oilake.jobs.sources.csv_records import Block
from oilake.jobs.sources.record_formats import record_format
from oilake.jobs.sources.splits import Chunk, Split, read_chunks
from oilake.jobs.tables import staging
from oilake.jobs.tables.staging import StagedFile, Writer
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms.image_ids import as_numbers
from oilake.jobs.transforms.normalized_batch import NormalizedBatch
from oilake.jobs.transforms.null_values import blank_null_values
from oilake.jobs.validation import row_filter
from oilake.quality.row_expectations import numpy_mask
from oilake.schemas import loader as schemas

# What the footer of a file says of the chunk in it: what decides its rows, and why rows were kept out.
MEMBER_NOTE = "oilake.member"
REASONS_NOTE = "oilake.broken"


@dataclass(frozen=True)
class IngestContext:
    """What every task of a run knows.

    `wanted`: path -> member, by file. `earlier`: files of `labels` of other releases by the digest of their text; `seed`:
    what that digest begins with (see jobs/ingesting/reuse.py). `dropped`: rows that lost their key to an earlier one, as
    positions among the kept rows of a chunk, by (file, chunk number); where given, only these chunks are read. `subsets`:
    those whose rows are taken of a file that tells them in a column; empty: all. `lists`: what files of listed images hold.
    `digests`: what decides the rows of a member, by file and path.
    """

    release: Release
    warehouse: Warehouse
    run_id: str
    wanted: Mapping[str, Mapping[str, ExpectedMember]]
    block_bytes: int
    field_limit: int
    seed: bytes = b""
    earlier: Mapping[str, ReusableFile] = field(default_factory=dict)
    dropped: Mapping[tuple[str, int], npt.NDArray[np.int64]] | None = None
    subsets: tuple[str, ...] = ()
    lists: tuple[StagedList, ...] = ()
    digests: Mapping[tuple[str, str], str] = field(default_factory=dict)


@dataclass
class ChunkReport:
    """One chunk: rows counted, files staged, and what the driver needs to check order and keys.

    `header`: the member's first line, where it has one. `ids`: the kept image IDs of a table that has one row an image, as
    64-bit numbers, else empty. `ends`: first and last kept image ID by partition; `is_sorted`: whether the IDs between never
    fall. `reused`: kept rows whose text another release had too. `broken`: quarantined rows by the expectation they broke,
    or by the reason for which the reader made no row of them. `is_list`: its rows say which images stand in a list and go
    to no table. `listed`: kept rows whose image stands in a list, by the member that lists it.
    """

    file: str
    member: str
    table: str
    number: int
    read: int = 0
    kept: int = 0
    reused: int = 0
    image_ids_repaired: int = 0
    mids_repaired: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    broken: Counter[str] = field(default_factory=Counter)
    staged: list[StagedFile] = field(default_factory=list)
    quarantined: StagedFile | None = None
    repairs: StagedFile | None = None
    is_sorted: dict[str, bool] = field(default_factory=dict)
    ends: dict[str, tuple[str, str]] = field(default_factory=dict)
    header: str | None = None
    extra_columns: tuple[str, ...] = ()
    is_sound: bool = True
    ids: npt.NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))
    is_list: bool = False
    listed: Counter[tuple[str, str]] = field(default_factory=Counter)

    def beside(self) -> list[StagedFile]:
        """The files beside the table's own: the rows that were kept out of it, and the list of repairs."""
        return [file for file in (self.quarantined, self.repairs) if file]


def ingest_split(split: Split, context: IngestContext) -> Iterator[ChunkReport]:
    """A report for each chunk of the split. InputError names the file that cannot be read."""
    for chunk in read_chunks(split, context.wanted[split.file], context.release.columns, context.block_bytes):
        if context.dropped is None or (split.file, chunk.number) in context.dropped:
            yield ChunkTask(split, chunk, context).run()


class ChunkTask:
    """One chunk on its way: the writers that are open, and the report so far."""

    def __init__(self, split: Split, chunk: Chunk, context: IngestContext) -> None:
        expected = chunk.expected
        self.chunk, self.context, self.expected = chunk, context, expected
        self.table = schemas.table_schema(expected.member.table)
        self.types = member_transform(expected, context.release).TYPES
        self.format = record_format(expected.member.format)
        self.promised = row_filter.filter_expectations(self.table.table)
        self.writers: dict[str, Writer] = {}
        self.quarantine: Writer | None = None
        self.repairs: Writer | None = None
        self.ids: list[npt.NDArray[np.uint64]] = []
        self.dropped = (context.dropped or {}).get((split.file, chunk.number), np.empty(0, np.int64))
        self.report = ChunkReport(split.file, expected.path, self.table.table, chunk.number)
        self.report.header, self.report.extra_columns = chunk.header.text, chunk.header.extra

    def run(self) -> ChunkReport:
        member = self.expected.member
        text = reuse.begin_digest(self.context.seed, self.chunk.header.names, member.ids, member.null_values)
        blocks = self.chunk.blocks
        if self.table.table != "labels" or self.expected.subset is None:
            text = None
        elif self.context.earlier:
            blocks = iter(list(reuse.hash_blocks(blocks, text)))
            if (reusable_file := self.context.earlier.get(text.hexdigest())) and self._reuse_staged_file(reusable_file):
                return self.report
        else:
            blocks = reuse.hash_blocks(blocks, text)
        for block in blocks:
            self._read_block(block)
        report = self.report
        notes = self._member_notes()
        whole = {reuse.TEXT_NOTE: text.hexdigest()} if text and self._holds_whole_text() else {}
        report.staged = [writer.close({**notes, **whole}) for writer in self.writers.values()]
        reasons = {REASONS_NOTE: json.dumps(report.broken)}
        report.quarantined = self.quarantine.close({**notes, **reasons}) if self.quarantine else None
        report.repairs = self.repairs.close(notes) if self.repairs else None
        report.ids = np.concatenate(self.ids) if self.ids else report.ids
        return report

    def _member_notes(self) -> dict[str, str]:
        digest = self.context.digests.get((self.report.file, self.report.member))
        return {MEMBER_NOTE: digest} if digest else {}

    def _holds_whole_text(self) -> bool:
        """Whether the one file that was written holds every row of the text as it stood there, in order."""
        report = self.report
        untouched = not (self.quarantine or report.image_ids_repaired or report.mids_repaired)
        return len(self.writers) == 1 and untouched and report.is_sound and all(report.is_sorted.values())

    def _reuse_staged_file(self, reusable_file: ReusableFile) -> bool:
        """Stages a copy of the file that another release made of the same text; False where it cannot be used."""
        try:
            if not reuse.is_same_origin(reusable_file, self.context.release.sources):
                return False
            partition = {
                "release": self.context.release.release,
                "subset": self.expected.subset or "",
                "origin": reusable_file.origin,
            }
            context, number = self.context, self.chunk.number
            staged = staging.stage_copy(
                reusable_file.uri, context.warehouse, self.table, partition, context.run_id, number
            )
        except (OSError, pa.ArrowInvalid, StoreError):
            return False
        ends = json.loads(staged.stats)
        key, report = "/".join(partition.values()), self.report
        report.staged, report.reused = [staged], staged.rows
        report.read = report.kept = staged.rows
        report.ends = {key: (ends["minValues"]["image_id"], ends["maxValues"]["image_id"])}
        report.is_sorted = {key: True}
        return True

    def _read_block(self, block: Block) -> None:
        where = f"{self.report.file}: {self.report.member}"
        try:
            rows = self.format.parse_block(block, self.chunk.header, self.types, self.context.field_limit)
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
        self.report.is_sound &= block.sound
        self.report.extra_columns += tuple(key for key in rows.extra if key not in self.report.extra_columns)
        rows = self._rows_of_subsets(rows)
        normalized = self._normalize(rows)
        judged = row_filter.filter_rows(normalized, self.promised)
        good, reasons = judged.good, judged.reasons
        self.report.broken.update(judged.broken)
        self.report.broken.update(reason for record in rows.bad for reason in record.reasons)
        self._drop_duplicates(good, reasons)
        self.report.read += rows.count + len(rows.bad)
        self._list_repairs(rows, repairs.find_repairs(rows.columns, normalized, good))
        self._write_valid(row_filter.kept_rows(normalized.columns, good))
        self._write_quarantine(rows, reasons)

    def _rows_of_subsets(self, rows: ParsedRows) -> ParsedRows:
        """Those of the subsets that are taken, and those of none that the file may hold."""
        member, taken = self.expected.member, self.context.subsets
        if not member.subset_column or not taken:
            return rows
        others = [subset for subset in member.subsets or self.context.release.subsets if subset not in taken]
        is_other = numpy_mask(pc.is_in(rows.columns["subset"], value_set=pa.array(others, pa.string())))
        return rows.choose_rows(np.flatnonzero(~is_other)) if is_other.any() else rows

    def _normalize(self, rows: ParsedRows) -> NormalizedBatch:
        return normalize_member(rows.columns, self.expected, self.context.release)

    def _drop_duplicates(self, good: npt.NDArray[np.bool_], reasons: dict[int, list[str]]) -> None:
        """Marks the rows of this block that lost their key; positions count the kept rows of the whole chunk."""
        if not len(self.dropped):
            return
        rows = np.flatnonzero(good)
        first = self.report.kept + sum(self.report.reasons.get(r, 0) for r in ("duplicate_image_id",))
        here = self.dropped[(self.dropped >= first) & (self.dropped < first + len(rows))] - first
        for row in rows[here].tolist():
            good[row] = False
            reasons[row] = ["duplicate_image_id"]
            self.report.broken[row_filter.KEY] += 1

    def _list_repairs(self, rows: ParsedRows, repaired: pa.Table) -> None:
        if not len(repaired):
            return
        report = self.report
        for name, count in repairs.repair_counts(repaired).items():
            setattr(report, name, getattr(report, name) + count)
        if self.repairs is None:
            self.repairs = self._new_writer(schemas.table_schema("repairs"), {"release": self.context.release.release})
        lines = rows.lines(repaired["row"].to_numpy())
        self.repairs.write(repairs.repair_rows(repaired, lines, report.table, report.file, report.member))

    def _write_valid(self, rows: pa.Table) -> None:
        self.report.kept += len(rows)
        if not len(rows):
            return
        if self.table.table == listed_images.TABLE and (self.context.lists or self.expected.member.image_lists):
            rows = listed_images.mark_listed(rows, self.expected, self.context.lists, self.report.listed)
        by_partition = partition_rows(rows, self.table.table, self.context.release.release, self.expected.subset or "")
        for partition, part in by_partition:
            self._write_partition(part, partition)

    def _write_partition(self, rows: pa.Table, partition: dict[str, str]) -> None:
        key = "/".join(partition.values())
        if key not in self.writers:
            self.writers[key] = self._new_writer(self.table, partition, is_judged=True)
        if self.table.sort_by:
            self._note_order(key, rows["image_id"])
        self.writers[key].write(rows)

    def _note_order(self, key: str, image_ids: pa.ChunkedArray) -> None:
        column = image_ids.combine_chunks()
        if pa.types.is_dictionary(column.type):
            numbers, indices = as_numbers(column.dictionary), column.indices.to_numpy()
            used = np.append(True, np.diff(indices) != 0)
            numbers = numbers[indices[used]]
        else:
            numbers = as_numbers(column)
        if self.table.is_keyed_by_image():
            self.ids.append(numbers)
        first, last = (f"{int(n):016x}" for n in (numbers[0], numbers[-1]))
        before = self.report.ends.get(key)
        rises = bool((numbers[1:] >= numbers[:-1]).all()) and (before is None or before[1] <= first)
        self.report.is_sorted[key] = self.report.is_sorted.get(key, True) and rises
        self.report.ends[key] = (before[0] if before else first, last)

    def _write_quarantine(self, rows: ParsedRows, reasons: dict[int, list[str]]) -> None:
        places = sorted(reasons)
        located = rows.locate(np.array(places, np.int64)) if places else []
        bad = [*rows.bad]
        bad += [BadRecord(line, raw, tuple(reasons[row])) for row, (line, raw) in zip(places, located, strict=True)]
        if not bad:
            return
        for record in bad:
            for reason in record.reasons:
                self.report.reasons[reason] = self.report.reasons.get(reason, 0) + 1
        if self.quarantine is None:
            self.quarantine = self._new_writer(
                schemas.table_schema("quarantine"), {"release": self.context.release.release}
            )
        bad.sort(key=lambda record: record.line)
        self.quarantine.write(quarantine_rows(bad, self.report.table, self.report.file, self.report.member))

    def _new_writer(self, table: schemas.Table, partition: dict[str, str], is_judged: bool = False) -> Writer:
        context, number = self.context, self.chunk.number
        return Writer(context.warehouse, table, partition, context.run_id, number, is_judged)


def member_transform(expected: ExpectedMember, release: Release) -> RowTransform:
    """Return what normalizes the rows of a member; ConfigError for a table that has no such files."""
    table = expected.member.table
    if table not in TRANSFORMS:
        raise ConfigError(
            f"{expected.file.name}: {expected.path}: no rows of {table} are read from such files, only of "
            f"{', '.join(TRANSFORMS)}; correct the table that the registry gives for {release.release}"
        )
    return row_transform(table)


def normalize_member(columns: Mapping[str, pa.Array], expected: ExpectedMember, release: Release) -> NormalizedBatch:
    """Return the raw columns of a member's rows as columns of its table; ConfigError for a table that has no such files."""
    transform = member_transform(expected, release)
    if expected.member.null_values:
        columns = blank_null_values(columns, expected.member.null_values, transform.TYPES)
    normalized = transform.normalize(columns, expected, release)
    normalized.constants["release"] = release.release
    if "subset" not in normalized.columns:
        normalized.constants["subset"] = expected.subset
    return normalized


def partition_rows(rows: pa.Table, table: str, release: str, subset: str) -> Iterator[tuple[dict[str, str], pa.Table]]:
    """(partition, its rows) of kept rows of one member, in the columns that its files store."""
    schema = schemas.table_schema(table)
    stored = [column.name for column in schema.stored()]
    for partition, part in _split_rows(rows, schema.partition_by, {"release": release, "subset": subset}):
        yield partition, part.select(stored)


def _split_rows(
    rows: pa.Table, names: Sequence[str], constants: Mapping[str, str]
) -> Iterator[tuple[dict[str, str], pa.Table]]:
    """Split the rows by the partition columns that they tell themselves; the others are the same for all."""
    if not names:
        yield {}, rows
        return
    name, *others = names
    is_told = name in rows.column_names
    column = rows[name].combine_chunks() if is_told else None
    for value in pc.unique(column).to_pylist() if is_told else [constants[name]]:
        same = _rows_with_value(rows, column, value) if is_told else rows
        for partition, part in _split_rows(same, others, constants):
            yield {name: value, **partition}, part


def _rows_with_value(rows: pa.Table, column: pa.Array, value: str) -> pa.Table:
    if pa.types.is_dictionary(column.type) and len(column.dictionary) == 1:
        return rows
    same = pc.equal(column.cast(pa.string()), value)
    return rows if pc.all(same).as_py() else rows.filter(same)


def quarantine_rows(bad: list[BadRecord], table: str, file: str, member: str) -> pa.Table:
    """Bad records as rows of the table `quarantine`."""
    schema = schemas.arrow_schema(schemas.table_schema("quarantine"))
    columns = {
        "table_name": [table] * len(bad),
        "file": [file] * len(bad),
        "member": [member] * len(bad),
        "line": [record.line for record in bad],
        "raw": [record.raw for record in bad],
        "reasons": [list(record.reasons) for record in bad],
    }
    return pa.table(columns, schema=schema)
